/** Which e-mail addresses the registry writes to; pure. */

/** Plain words of RFC 5321 alone: no quotes, comments, lists or names, of which mail programs have several readings. */
const ADDRESS =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,8}@(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/

export function isAddress(text: string): boolean {
  return text.length <= 254 && ADDRESS.test(text)
}

/** What is filled into a text. */
export type Fields = Record<string, string>
