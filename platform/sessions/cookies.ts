/**
 * Cookies that no script, no other site and (with HTTPS) no other host can read or set (RFC 6265bis, __Host-
 * prefix).
 */

export type Cookies = {
  /**
   * The value; undefined if the cookie is absent or occurs twice: somebody else may have set the second one.
   */
  read(header: string | undefined, name: string): string | undefined
  /** The Set-Cookie value of a session cookie, or of one that lives for `seconds`. */
  write(name: string, value: string, sameSite: 'Strict' | 'Lax', seconds?: number): string
  clear(name: string, sameSite: 'Strict' | 'Lax'): string
}

/**
 * `name` distinguishes servers on one host, since cookies ignore ports. `secure` may be false on loopback
 * addresses only.
 */
export function createCookies(q: { name: string; secure: boolean }): Cookies {
  const prefix = q.secure ? '__Host-' : ''
  const full = (name: string): string => `${prefix}${q.name}-${name}`
  const write: Cookies['write'] = (name, value, sameSite, seconds) =>
    [
      `${full(name)}=${value}`,
      'Path=/',
      'HttpOnly',
      `SameSite=${sameSite}`,
      ...(q.secure ? ['Secure'] : []),
      ...(seconds === undefined ? [] : [`Max-Age=${seconds}`]),
    ].join('; ')
  return {
    read: (header, name) => {
      const start = `${full(name)}=`
      const found = (header ?? '').split(/;\s*/).filter((pair) => pair.startsWith(start))
      return found.length === 1 ? found[0]?.slice(start.length) : undefined
    },
    write,
    clear: (name, sameSite) => write(name, '', sameSite, 0),
  }
}
