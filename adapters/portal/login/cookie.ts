/**
 * The one cookie of the portal: an attempt to log in, or the session that came of it. No script, no other site and, with HTTPS, no
 * other host can read or set it (RFC 6265bis, __Host- prefix). It has no lifetime, so a browser that is closed forgets it.
 */
import { type Cookies, createCookies } from '#platform/sessions/cookies.ts'

type Held = { attempt: string; language: string; next: string } | { session: string } | undefined

export type OneCookie = {
  read(header: string | undefined): Held
  /** Lax: the provider's redirect back is a navigation from another site. */
  writeAttempt(attempt: string, q: { language: string; next: string }): string
  /** Strict: no other site can send a person's browser here with their session. */
  writeSession(token: string): string
  clear(): string
}

const NAME = 'id'
/** An address of the portal stands encoded: it may have no sign that ends a cookie. */
const ATTEMPT = /^a\.([a-z]{2})\.([A-Za-z0-9_-]{1,800})\.(.{1,100})$/
const SESSION = /^s\.([A-Za-z0-9_-]{43})$/

export function createOneCookie(q: { secure: boolean }): OneCookie {
  const cookies: Cookies = createCookies({ name: 'portal', secure: q.secure })
  return {
    read(header) {
      const value = cookies.read(header, NAME) ?? ''
      const [, session] = SESSION.exec(value) ?? []
      if (session !== undefined) return { session }
      const [, language, next, attempt] = ATTEMPT.exec(value) ?? []
      if (language === undefined || next === undefined || attempt === undefined) return undefined
      return { attempt, language, next: Buffer.from(next, 'base64url').toString() }
    },
    writeAttempt: (attempt, { language, next }) =>
      cookies.write(NAME, `a.${language}.${Buffer.from(next).toString('base64url')}.${attempt}`, 'Lax'),
    writeSession: (token) => cookies.write(NAME, `s.${token}`, 'Strict'),
    clear: () => cookies.clear(NAME, 'Strict'),
  }
}
