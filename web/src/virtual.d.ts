declare module 'virtual:tenure-theme.css';
