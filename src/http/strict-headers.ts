// Headers that every answer carries: nothing of it is kept, guessed, framed or given to other pages.

/** Of documents, which need nothing; pages replace the policy by their own. */
export const STRICT_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** Under TLS in addition: browsers come back with TLS only. */
export const TLS_HEADERS = { 'strict-transport-security': 'max-age=31536000' } as const;
