/**
 * Keys with certificates for parties that the sandbox did not set up: from its development CA, or from a
 * foreign one.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type Authority, createAuthority } from '#certs/authority.ts'
import type { ProfileName } from '#certs/profiles.ts'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { certificationRequest, type SubjectFields } from '#security-server/keys/certification-request.ts'
import { pemOf } from '#security-server/peer/tls-profile.ts'
import { until } from '../until.ts'
import { ask, type World } from '../world.ts'

export type Credential = { certificate: Certificate; privateKey: KeyObject; cert: string; key: string }

type Wanted = {
  profile: ProfileName
  /** INSTANCE/CLASS/CODE of the member, and the code of its server. */
  member?: string
  serverCode?: string
  /** Of the key; P-256 when absent. */
  algorithm?: 'P-256' | 'RSA-2048'
  /** The offset of the CA's clock from real time while it issues. */
  clockOffsetMs?: number
}

/** A new key, certified by the sandbox's CA. */
export async function credential(
  world: Pick<World, 'trust' | 'trustKey'>,
  wanted: Wanted,
): Promise<Credential> {
  const { clockOffsetMs = 0 } = wanted
  if (clockOffsetMs !== 0) await switchTrust(world, 'ca', { clockOffsetMs })
  const { request, ...keys } = newRequest(wanted)
  const reply = await ask(world.trust.caUrl, `/certificates?profile=${wanted.profile}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: request,
  })
  if (clockOffsetMs !== 0) await switchTrust(world, 'ca', { clockOffsetMs: 0 })
  if (reply.status !== 200) throw new Error(reply.body.toString())
  const intermediate = await ask(world.trust.caUrl, '/intermediate')
  return {
    ...keys,
    certificate: readCertificate(reply.body),
    cert: reply.body.toString() + intermediate.body.toString(),
  }
}

/**
 * One that ends soon: `admit` makes it known, which must leave half of its life, else another one is made
 * that lives longer.
 */
export function briefCredential(
  world: Pick<World, 'trust' | 'trustKey'>,
  wanted: Wanted,
  admit: (brief: Credential) => Promise<void>,
): Promise<Credential> {
  let lifeMs = 10_000
  return until(
    'a certificate that is known in time',
    async (saw) => {
      lifeMs += 10_000
      const brief = await credential(world, { ...wanted, clockOffsetMs: saw(lifeMs) - 730 * 86_400_000 })
      await admit(brief)
      return brief.certificate.notAfter.getTime() - Date.now() > lifeMs / 2 && brief
    },
    { deadlineMs: 180_000 },
  )
}

let foreign: Promise<Authority> | undefined

/** A CA that nobody approved, with the same names as the sandbox's. */
function foreignAuthority(): Promise<Authority> {
  foreign ??= createAuthority({ clock: Date.now, instance: 'DEV' })
  return foreign
}

/** A new key, certified by the foreign CA. */
export async function foreignCredential(wanted: Wanted): Promise<Credential> {
  const authority = await foreignAuthority()
  const { request, ...keys } = newRequest(wanted)
  const certificate = await authority.issue({ request, profile: wanted.profile })
  return { ...keys, certificate, cert: pemOf(certificate) + pemOf(authority.intermediate) }
}

/** Sets a trust service's fault switch or clock. */
export async function switchTrust(
  world: Pick<World, 'trust' | 'trustKey'>,
  service: 'ca' | 'ocsp' | 'tsa',
  change: { mode?: string; clockOffsetMs?: number },
): Promise<void> {
  const reply = await ask(world.trust[`${service}Url`], '/admin/switch', {
    method: 'PUT',
    headers: { ...world.trustKey(), 'Content-Type': 'application/json' },
    body: JSON.stringify(change),
  })
  if (reply.status !== 200) throw new Error(reply.body.toString())
}

/** Revokes a certificate of the sandbox's CA. */
export async function revoke(world: World, certificate: Certificate): Promise<void> {
  const reply = await ask(world.trust.caUrl, '/revocations', {
    method: 'POST',
    headers: { ...world.trustKey(), 'Content-Type': 'application/json' },
    body: JSON.stringify({ serialNumber: certificate.serialNumber.toString(16) }),
  })
  if (reply.status !== 204) throw new Error(reply.body.toString())
}

function newRequest(q: Wanted): { request: Buffer; privateKey: KeyObject; key: string } {
  const { member = 'DEV/GOV/1002', serverCode = 'SS-TAX' } = q
  const [instance, memberClass, memberCode] = member.split('/')
  const encodings = {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  } as const
  const { privateKey: key } =
    q.algorithm === 'RSA-2048'
      ? generateKeyPairSync('rsa', { modulusLength: 2048, ...encodings })
      : generateKeyPairSync('ec', { namedCurve: 'P-256', ...encodings })
  const privateKey = createPrivateKey(key)
  const subject: SubjectFields = [
    { type: 'C', value: 'FI' },
    { type: 'O', value: 'Agency' },
    { type: 'CN', value: q.profile === 'signing' ? memberCode! : 'server.example' },
    { type: 'serialNumber', value: `${instance}/${serverCode}/${memberClass}` },
  ]
  return { request: certificationRequest({ privateKey, subject }), privateKey, key }
}
