/**
 * The one cookie of the portal: an attempt to log in, at the provider or with a wallet, or the session that
 * came of it. No script, no other site and, with HTTPS, no other host can read or set it (RFC 6265bis,
 * __Host- prefix). It has no lifetime, so a browser that is closed forgets it.
 */
import { type Cookies, createCookies } from '#platform/sessions/cookies.ts'
import type { Look } from './sessions.ts'

type WalletAttempt = { id: string; browser: string }
type Beginning = { look: Look; next: string }
type Held =
  | ({ attempt: string } & Beginning)
  | ({ wallet: WalletAttempt } & Beginning)
  | { session: string }
  | undefined

export type OneCookie = {
  read(header: string | undefined): Held
  /** Lax: the provider's redirect back is a navigation from another site. */
  writeAttempt(attempt: string, q: Beginning): string
  /** Lax, too: the wallet of this device sends the person back. */
  writeWallet(attempt: WalletAttempt, q: Beginning): string
  /** Strict: no other site can send a person's browser here with their session. */
  writeSession(token: string): string
  clear(): string
}

const NAME = 'id'
/**
 * How the person reads is the language, and a letter for each other choice. An address of the portal stands
 * encoded: it may have no sign that ends a cookie.
 */
const ATTEMPT = /^a\.([a-z]{2}L?E?)\.([A-Za-z0-9_-]{1,800})\.(.{1,100})$/
const WALLET = /^w\.([a-z]{2}L?E?)\.([A-Za-z0-9_-]{1,800})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/
const SESSION = /^s\.([A-Za-z0-9_-]{43})$/

export function createOneCookie(q: { secure: boolean }): OneCookie {
  const cookies: Cookies = createCookies({ name: 'portal', secure: q.secure })
  return {
    read(header) {
      const value = cookies.read(header, NAME) ?? ''
      const [, session] = SESSION.exec(value) ?? []
      if (session !== undefined) return { session }
      const [, reads, place = '', id, browser] = WALLET.exec(value) ?? []
      if (reads !== undefined && id !== undefined && browser !== undefined)
        return { wallet: { id, browser }, look: lookIn(reads), next: decoded(place) }
      const [, look, next, attempt] = ATTEMPT.exec(value) ?? []
      if (look === undefined || next === undefined || attempt === undefined) return undefined
      return { attempt, look: lookIn(look), next: decoded(next) }
    },
    writeAttempt: (attempt, { look, next }) =>
      cookies.write(NAME, `a.${lettersOf(look)}.${encoded(next)}.${attempt}`, 'Lax'),
    writeWallet: ({ id, browser }, { look, next }) =>
      cookies.write(NAME, `w.${lettersOf(look)}.${encoded(next)}.${id}.${browser}`, 'Lax'),
    writeSession: (token) => cookies.write(NAME, `s.${token}`, 'Strict'),
    clear: () => cookies.clear(NAME, 'Strict'),
  }
}

const lettersOf = ({ language, large, easy }: Look): string =>
  `${language}${large ? 'L' : ''}${easy ? 'E' : ''}`
const lookIn = (letters: string): Look => ({
  language: letters.slice(0, 2),
  large: letters.includes('L'),
  easy: letters.includes('E'),
})
const encoded = (text: string): string => Buffer.from(text).toString('base64url')
const decoded = (text: string): string => Buffer.from(text, 'base64url').toString()
