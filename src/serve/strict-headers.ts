// Headers that every answer carries: nothing of it is kept, guessed, framed or given to other pages.

/** Of documents, which need nothing; a page replaces the policy by its own. */
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

/** Of pages of the agent: scripts, styles, data and images from the agent itself, and nothing else. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
