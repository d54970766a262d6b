/**
 * Who reads a page, and how: the session of the one cookie, and the choices of language and size that an
 * address may hold.
 */
import type { FastifyRequest } from 'fastify'
import type { OneCookie } from '../login/cookie.ts'
import type { Look, Session, Sessions } from '../login/sessions.ts'
import { type Place, type Reader, readerOf } from '../pages/frame.ts'
import { chooseLanguage } from '../texts.ts'

export type Reading = (request: FastifyRequest) => Reader

/** What an address says about how to read is kept with the session. */
export function createReading(q: {
  place: Place
  cookie: OneCookie
  sessions: Pick<Sessions, 'find'>
}): Reading {
  return (request) => {
    const session = sessionOf(request, q)
    const look = lookOf(request, q.place.languages, session?.look)
    if (session !== undefined) session.look = look
    return readerOf(q.place, look, session)
  }
}

export function sessionOf(
  request: FastifyRequest,
  q: { cookie: OneCookie; sessions: Pick<Sessions, 'find'> },
): Session | undefined {
  const held = q.cookie.read(request.headers.cookie)
  return held !== undefined && 'session' in held ? q.sessions.find(held.session) : undefined
}

/** What the address says, else what the person chose before, else what the browser asks for. */
export function lookOf(request: FastifyRequest, languages: readonly string[], before?: Look): Look {
  const { language, large, easy } = (request.query ?? {}) as Record<string, unknown>
  const offered = languages.find((one) => one === language)
  return {
    language: offered ?? before?.language ?? chooseLanguage(request.headers['accept-language'], languages),
    large: large === undefined ? before?.large === true : large === 'yes',
    easy: easy === undefined ? before?.easy === true : easy === 'yes',
  }
}
