/**
 * The certificates that the authority has issued and revoked, one JSON line each. A line is written before
 * the certificate is returned, so its status is always known later. An incomplete last line after a crash is
 * dropped; its certificate was never returned.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import type { Certificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'

type LedgerEntry = {
  /** Lower-case hex. */
  serialNumber: string
  issuer: 'root' | 'intermediate'
  revokedAt?: Date
  reason?: number
}

export type Ledger = {
  find(serialNumber: bigint): LedgerEntry | undefined
  issued(certificate: Certificate, issuer: LedgerEntry['issuer'], profile: string): void
  /** Throws `not_found` for a serial number that was never issued. Revoking twice changes nothing. */
  revoked(serialNumber: bigint, at: Date, reason: number | undefined): void
}

type Line =
  | {
      act: 'issued'
      serialNumber: string
      issuer: LedgerEntry['issuer']
      profile: string
      certificate: string
    }
  | { act: 'revoked'; serialNumber: string; at: string; reason?: number }

/** The ledger in a file, or in memory without one. */
export function openLedger(file: string | undefined): Ledger {
  const entries = new Map<string, LedgerEntry>()
  const apply = (line: Line): void => {
    const { serialNumber } = line
    if (line.act === 'issued') entries.set(serialNumber, { serialNumber, issuer: line.issuer })
    else Object.assign(entries.get(serialNumber)!, { revokedAt: new Date(line.at), reason: line.reason })
  }
  const record = (line: Line): void => {
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`, { mode: 0o600, flush: true })
    apply(line)
  }
  if (file !== undefined) for (const line of readLines(file)) apply(line)
  return {
    find: (serialNumber) => entries.get(serialNumber.toString(16)),
    issued: (certificate, issuer, profile) =>
      record({
        act: 'issued',
        serialNumber: certificate.serialNumber.toString(16),
        issuer,
        profile,
        certificate: certificate.der.toString('base64'),
      }),
    revoked: (serialNumber, at, reason) => {
      const entry = entries.get(serialNumber.toString(16))
      if (entry === undefined) throw new Fault('not_found', { what: 'no certificate of this serial number' })
      if (entry.revokedAt !== undefined) return
      const { serialNumber: number } = entry
      record({
        act: 'revoked',
        serialNumber: number,
        at: at.toISOString(),
        ...(reason !== undefined && { reason }),
      })
    },
  }
}

function readLines(file: string): Line[] {
  if (!existsSync(file)) return []
  const bytes = readFileSync(file)
  const whole = bytes.lastIndexOf(0x0a) + 1
  if (whole < bytes.length) truncateSync(file, whole)
  const lines = bytes.toString('utf8', 0, whole).split('\n').slice(0, -1)
  try {
    return lines.map((line) => JSON.parse(line) as Line)
  } catch (cause) {
    throw new Fault('io_error', { what: `the ledger ${file} is damaged`, cause })
  }
}
