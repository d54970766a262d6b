/** What every kind of mandate service is asked, and what its interface makes of it. */
import type { MandateServiceCheck } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'

export type MandateQuestion = {
  rule: MandateServiceCheck
  /** Codes as the request, or its client's identifier, has them. */
  representee: string
  /**
   * The class that the request names before the code; empty where it names none. No service is asked about
   * it.
   */
  partyClass: string
  delegate: string
  /** X-Road-UserId of the request. */
  userId: string | undefined
}

/** A GET: its target below the address of the service, and its headers. */
export type MandateRequest = { target: string; headers: Record<string, string> }

/** What an answer says. `until`: when the mandate ends (ms), for as far as the service tells. */
export type Judged = { isMandated: boolean; until: number }

/**
 * An interface. `requests` are made one after the other until one has an answer that grants the mandate;
 * `judge` throws UnusableAnswer.
 */
export type MandateInterface = {
  requests(q: MandateQuestion, ids: { id: string; now: number }): MandateRequest[]
  judge(answer: unknown, q: MandateQuestion, now: number): Judged
}

/** An answer by which nobody can decide; its message never quotes it. */
export class UnusableAnswer extends Error {}

/** A code of a person or organisation: no path, no wildcard and nothing invisible can hide in it. */
const CODE = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/

/** The code without the letters of its country. Throws `representation_refused`, which does not quote it. */
export function plainCode(id: string, country: string | undefined): string {
  const code = country !== undefined && id.startsWith(country) ? id.slice(country.length) : id
  if (CODE.test(code)) return code
  throw new Fault('representation_refused', {
    what: 'the represented party or who acts for it has an identifier that no mandate service knows',
  })
}

export function memberOfAnswer(value: unknown, name: string): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new UnusableAnswer('it is not of the form of its interface')
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
}
