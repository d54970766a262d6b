/**
 * The one cookie of the portal: an attempt to log in, or the session that came of it. No script, no other site and, with HTTPS, no
 * other host can read or set it (RFC 6265bis, __Host- prefix). It has no lifetime, so a browser that is closed forgets it.
 */
import { type Cookies, createCookies } from '#platform/sessions/cookies.ts'

type Held = { attempt: string; language: string } | { session: string } | undefined

export type OneCookie = {
  read(header: string | undefined): Held
  /** Lax: the provider's redirect back is a navigation from another site. */
  writeAttempt(attempt: string, language: string): string
  /** Strict: no other site can send a person's browser here with their session. */
  writeSession(token: string): string
  clear(): string
}

const NAME = 'id'
const ATTEMPT = /^a\.([a-z]{2})\.(.{1,100})$/
const SESSION = /^s\.([A-Za-z0-9_-]{43})$/

export function createOneCookie(q: { secure: boolean }): OneCookie {
  const cookies: Cookies = createCookies({ name: 'portal', secure: q.secure })
  return {
    read(header) {
      const value = cookies.read(header, NAME) ?? ''
      const [, session] = SESSION.exec(value) ?? []
      if (session !== undefined) return { session }
      const [, language, attempt] = ATTEMPT.exec(value) ?? []
      return language === undefined || attempt === undefined ? undefined : { attempt, language }
    },
    writeAttempt: (attempt, language) => cookies.write(NAME, `a.${language}.${attempt}`, 'Lax'),
    writeSession: (token) => cookies.write(NAME, `s.${token}`, 'Strict'),
    clear: () => cookies.clear(NAME, 'Strict'),
  }
}
