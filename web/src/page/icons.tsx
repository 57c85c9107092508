import type { ReactNode } from 'react';

function Icon(props: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="18"
      height="18"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {props.children}
    </svg>
  );
}

export const SunIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.4" />
    <path d="M10 2.5v1.6M10 15.9v1.6M2.5 10h1.6M15.9 10h1.6M4.7 4.7l1.1 1.1M14.2 14.2l1.1 1.1M4.7 15.3l1.1-1.1M14.2 5.8l1.1-1.1" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M16.5 11.8A6.8 6.8 0 0 1 8.2 3.5a6.8 6.8 0 1 0 8.3 8.3Z" />
  </Icon>
);
export const ScreenIcon = () => (
  <Icon>
    <rect x="2.8" y="3.8" width="14.4" height="9.6" rx="1.5" />
    <path d="M7.5 16.5h5" />
  </Icon>
);
export const LeaveIcon = () => (
  <Icon>
    <path d="M8 3.5H4.5a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1H8M12.5 13.5 16.5 10l-4-3.5M16 10H8" />
  </Icon>
);
export const CodeIcon = () => (
  <Icon>
    <path d="m6.5 6-4 4 4 4M13.5 6l4 4-4 4M11.5 4l-3 12" />
  </Icon>
);
export const DownloadIcon = () => (
  <Icon>
    <path d="M10 3v9M6.5 8.8 10 12.3l3.5-3.5M3.5 16.5h13" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M10 4.5v11M4.5 10h11" />
  </Icon>
);
export const CrossIcon = () => (
  <Icon>
    <path d="m5.5 5.5 9 9M14.5 5.5l-9 9" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <rect x="7" y="7" width="9.5" height="9.5" rx="1.5" />
    <path d="M13 7V4.5A1 1 0 0 0 12 3.5H4.5a1 1 0 0 0-1 1V12a1 1 0 0 0 1 1H7" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m4 10.5 4 4 8-9" />
  </Icon>
);
export const RefreshIcon = () => (
  <Icon>
    <path d="M16 8.5A6.3 6.3 0 1 0 16.2 12M16.5 4.5v4h-4" />
  </Icon>
);
export const BookmarkIcon = () => (
  <Icon>
    <path d="M6 3.5h8a.8.8 0 0 1 .8.8v12.2L10 13l-4.8 3.5V4.3A.8.8 0 0 1 6 3.5Z" />
  </Icon>
);
export const BackIcon = () => (
  <Icon>
    <path d="M12 5 7 10l5 5" />
  </Icon>
);
export const ForthIcon = () => (
  <Icon>
    <path d="m8 5 5 5-5 5" />
  </Icon>
);
export const WidthIcon = () => (
  <Icon>
    <path d="M3 4.5v11M17 4.5v11M5.5 10h9M8 7.5 5.5 10 8 12.5M12 7.5l2.5 2.5-2.5 2.5" />
  </Icon>
);
export const DownArrow = () => (
  <Icon>
    <path d="M10 4v11M6 11.5l4 4 4-4" />
  </Icon>
);

/** The mark: a retention curve that falls and then holds; the dot is who is still here. */
export function Mark(props: { size?: number }) {
  const size = props.size ?? 28;
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#17594a" />
      <path
        d="M7 7.5v13.2c0 2.4 1.6 3.8 3.9 3.8H25"
        fill="none"
        stroke="#7fc8b2"
        strokeWidth="2.4"
        strokeLinecap="round"
      />
      <path
        d="M7 8c2.2 7.6 5.6 9.3 18 9.3"
        fill="none"
        stroke="#fff"
        strokeWidth="3.2"
        strokeLinecap="round"
      />
      <circle cx="25" cy="17.3" r="2.7" fill="#f0b44c" />
    </svg>
  );
}
