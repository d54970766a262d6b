/**
 * URI references of RFC 3986, section 4.1, to the letter; a reader that repairs what it gets would not see
 * the same name twice.
 */

// Appendix B: it takes every text apart; the parts are then checked.
const PARTS = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/
const PATH = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/
const QUERY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*$/
const USER = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*$/
const HOST = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/
const IP_FUTURE = /^\[[Vv][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+\]$/
const IPV6 = /^\[[0-9A-Fa-f:.]+\]$/
const PORT = /^:[0-9]*$/

/** Whether the text is a URI-reference. The empty one is, too. */
export function isUriReference(text: string): boolean {
  const [, scheme, authority, path = '', query = '', fragment = ''] = PARTS.exec(text) ?? []
  if (scheme !== undefined && !SCHEME.test(scheme)) return false
  if (authority !== undefined && !isAuthority(authority)) return false
  return PATH.test(path) && QUERY.test(query) && QUERY.test(fragment) && !text.startsWith(':')
}

/** Whether the text is an absolute-URI (section 4.3): with a scheme and without a fragment. */
export function isAbsoluteUri(text: string): boolean {
  return isUriReference(text) && PARTS.exec(text)?.[1] !== undefined && !text.includes('#')
}

function isAuthority(authority: string): boolean {
  const at = authority.indexOf('@')
  const rest = authority.slice(at + 1)
  if (at !== -1 && !USER.test(authority.slice(0, at))) return false
  const end = rest.startsWith('[') ? rest.indexOf(']') + 1 : endOfName(rest)
  const [host, port] = [rest.slice(0, end), rest.slice(end)]
  return (port === '' || PORT.test(port)) && isHost(host)
}

function endOfName(rest: string): number {
  const colon = rest.indexOf(':')
  return colon === -1 ? rest.length : colon
}

function isHost(host: string): boolean {
  if (HOST.test(host) || IP_FUTURE.test(host)) return true
  return IPV6.test(host) && URL.canParse(`http://${host}/`)
}
