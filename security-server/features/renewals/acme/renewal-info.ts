/** When a CA says that a certificate is to be renewed (RFC 9773). */
import { der } from '#core/asn1/der-write.ts'
import type { Certificate } from '#core/certificate/certificate.ts'
import { type AcmeHttp, sameHost } from './client.ts'
import type { Directory } from './session.ts'

export type RenewalWindow = { start: Date; end: Date; askAgainSeconds: number }

const ASK_AGAIN_SECONDS = 6 * 3600
const LEAST_SECONDS = 60

/** The certificate as the CA knows it; undefined for one that does not name its issuer's key. */
export function renewalId({ extensions, serialNumber }: Certificate): string | undefined {
  const issuer = extensions.authorityKeyIdentifier?.keyIdentifier
  if (issuer === undefined) return undefined
  // The octets of the number without tag and length; a serial number has at most 20.
  return `${issuer.toString('base64url')}.${der.integer(serialNumber).subarray(2).toString('base64url')}`
}

/**
 * Undefined where the CA does not say it, or says what makes no sense: the share of the life decides then.
 */
export async function askRenewalInfo(
  http: AcmeHttp,
  { url, renewalInfo }: Directory,
  certificate: Certificate,
): Promise<RenewalWindow | undefined> {
  const id = renewalId(certificate)
  if (renewalInfo === undefined || id === undefined) return undefined
  const { status, json, retryAfter } = await http.send(
    sameHost(`${renewalInfo.replace(/\/$/, '')}/${id}`, url),
    {
      method: 'GET',
    },
  )
  const window = json?.['suggestedWindow'] as Record<string, unknown> | undefined
  const [start, end] = [timeOf(window?.['start']), timeOf(window?.['end'])]
  if (status !== 200 || start === undefined || end === undefined || end < start) return undefined
  return { start, end, askAgainSeconds: Math.max(retryAfter ?? ASK_AGAIN_SECONDS, LEAST_SECONDS) }
}

function timeOf(value: unknown): Date | undefined {
  const time = typeof value === 'string' && value.length <= 40 ? new Date(value) : undefined
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : time
}
