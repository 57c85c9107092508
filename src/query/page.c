/* query/page: pages by their addresses. */
#include "query/page.h"

const char *const page_events[] = {"Page Viewed", "$pageview", "page_view", NULL};
const char *const page_properties[] = {"path", "url", "$current_url", "context.page.path", NULL};

struct str page_of(struct str url)
{
    for (size_t i = 0; i + 2 < url.len && url.at[i] != '/' && url.at[i] != '?'; i++)
        if (url.at[i] == ':' && url.at[i + 1] == '/' && url.at[i + 2] == '/') {
            struct str rest = str_sub(url, i + 3, url.len);
            url = str_sub(rest, str_find(rest, '/'), rest.len);
            break;
        }
    url.len = str_find(url, '?');
    url.len = str_find(url, '#');
    if (url.len > 1 && url.at[url.len - 1] == '/')
        url.len--;
    return url.len ? url : STR("/");
}
