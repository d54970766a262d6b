/**
 * Tickets of the page for letters: each opens one offer for an hour to whoever holds the page. Guarantees
 * that only a ticket which this process made is asked with, and that what others see of one, registers and
 * the logs of both sides, opens nothing.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 128 random bits, and what only this process could write below them. */
const FORM = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/

type Tickets = {
  make(): string
  isOurs(ticket: string): boolean
}

/** The key ends with the process, as its sessions do: then the code of the letter is typed again. */
export function createTickets(): Tickets {
  const key = randomBytes(32)
  const sealOf = (number: string): Buffer => createHmac('sha256', key).update(number).digest()
  return {
    make() {
      const number = randomBytes(16).toString('base64url')
      return `${number}.${sealOf(number).toString('base64url')}`
    },
    isOurs(ticket) {
      const [, number, seal] = FORM.exec(ticket) ?? []
      return seal !== undefined && timingSafeEqual(Buffer.from(seal, 'base64url'), sealOf(number!))
    },
  }
}

/** Who asks (X-Road-UserId) with this ticket: a digest, since agencies and logs see it. */
export function nameOf(ticket: string): string {
  return `letter:${hash('sha256', ticket, 'base64url').slice(0, 22)}`
}
