/** Which e-mail addresses are written to; pure. */

/**
 * Only dot-atoms and host names of RFC 5321. Quotes, comments, lists and display names are rejected, because
 * mail programs interpret them differently.
 */
const ADDRESS =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,8}@(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/

export function isAddress(text: string): boolean {
  return text.length <= 254 && ADDRESS.test(text)
}

/** The values that are filled into a text. */
export type Fields = Record<string, string>
