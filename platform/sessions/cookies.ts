/** Cookies that no script, no other site and, by HTTPS, no other host can read or set (RFC 6265bis, __Host- prefix). */

export type Cookies = {
  /** The value, or undefined when there is none or more than one: somebody else may have set the second. */
  read(header: string | undefined, name: string): string | undefined
  /** The Set-Cookie of a session cookie, or of one that lives for `seconds`. */
  write(name: string, value: string, sameSite: 'Strict' | 'Lax', seconds?: number): string
  clear(name: string, sameSite: 'Strict' | 'Lax'): string
}

/** `name` tells apart what shares a host, for cookies know no ports; without `secure` only for the loopback. */
export function createCookies(q: { name: string; secure: boolean }): Cookies {
  const full = (name: string): string => `${q.secure ? '__Host-' : ''}${q.name}-${name}`
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
