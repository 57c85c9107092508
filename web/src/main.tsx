import './theme/mantine.css';
import 'virtual:tenure-theme.css';
import './theme/base.css';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Failure } from './api';
import { App } from './app';
import { startLanguage } from './i18n';
import { Fence } from './page/failure';
import { theme } from './theme/theme';

const queries = new QueryClient({
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
