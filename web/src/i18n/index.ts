import i18next from 'i18next';
import { useMemo } from 'react';
import { initReactI18next, useTranslation } from 'react-i18next';
import { makeFormat, type Format, type Language } from '../logic/format';
import { en } from './en';
import { th } from './th';

const STORED = 'tenure-language';

export async function startLanguage(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: document.documentElement.lang === 'th' ? 'th' : 'en',
    fallbackLng: 'en',
    resources: { en: { translation: en }, th: { translation: th } },
    keySeparator: false,
    nsSeparator: false,
    interpolation: { escapeValue: false },
  });
}

export function setLanguage(language: Language): void {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // Private windows may refuse; the language then lasts until the page is closed.
  }
  document.documentElement.lang = language;
  void i18next.changeLanguage(language);
}

type Key = keyof typeof en extends infer K
  ? K extends `${infer Stem}_${'one' | 'other'}`
    ? Stem
    : K
  : never;

export interface Words {
  t: (key: Key, values?: Record<string, string | number>) => string;
  /** A text that counts: `count` picks the plural, `{{formatted}}` shows it. */
  plural: (key: Key, count: number) => string;
  language: Language;
  format: Format;
}

export function useWords(): Words {
  const { t, i18n } = useTranslation();
  const language: Language = i18n.language === 'th' ? 'th' : 'en';
  return useMemo(() => {
    const format = makeFormat(language);
    const say = t as unknown as (key: string, values?: Record<string, unknown>) => string;
    return {
      t: (key, values) => say(key, values),
      plural: (key, count) => say(key, { count, formatted: format.count(count) }),
      language,
      format,
    };
  }, [t, language]);
}
