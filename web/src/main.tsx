import './theme/mantine.css';
import 'virtual:tenure-theme.css';
import './theme/base.css';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Failure } from './api';
import { App } from './app';
import { startLanguage } from './i18n';
import { Fence } from './page/failure';
import { theme } from './theme/theme';

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    // A session that ends while the page is open: asking who one is then leads to the sign-in page.
    onError: (error, query) => {
      if (error instanceof Failure && error.status === 401 && query.queryKey[0] !== 'me') {
        void queries.invalidateQueries({ queryKey: ['me'] });
      }
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      // A refusal stays a refusal; only a lost connection or a busy server is worth another try.
      retry: (count, error) =>
        count < 2 && error instanceof Failure && (error.status === 0 || error.status === 503),
    },
  },
});

const schemes = localStorageColorSchemeManager({ key: 'tenure-scheme' });

void startLanguage().then(() => {
  const root = document.getElementById('root');
  if (!root) return;
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        colorSchemeManager={schemes}
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <QueryClientProvider client={queries}>
          <Fence>
            <App />
          </Fence>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
});
