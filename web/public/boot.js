// Sets scheme and language before the first paint, so that a dark page never flashes white.
(function () {
  var root = document.documentElement;
  var read = function (key) {
    try {
      return localStorage.getItem(key);
    } catch (e) {
      return null;
    }
  };
  var scheme = read('tenure-scheme') || 'auto';
  if (scheme === 'auto') {
    scheme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }
  root.setAttribute('data-mantine-color-scheme', scheme === 'dark' ? 'dark' : 'light');
  var language = read('tenure-language') || navigator.language || 'en';
  root.lang = language.slice(0, 2) === 'th' ? 'th' : 'en';
})();
