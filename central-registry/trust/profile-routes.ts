/**
 * Handlers of the operations on certificate profiles: list them, change them with two persons, try one out.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { builtInProfiles } from '#core/certificate/built-in-profiles.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { fillRequest } from '#core/certificate/fill-request.ts'
import { readableName } from '#core/certificate/name.ts'
import { readOwnProfile } from '#core/certificate/read-own-profiles.ts'
import { readProfile } from '#core/certificate/read-profile.ts'
import {
  checkDemands,
  memberOfSigningCertificate,
  serverOfAuthenticationCertificate,
} from '#core/certificate/subject-profile.ts'
import { isSigningCertificate } from '#core/certificate/usage.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { CertificateProfile, Placeholder } from '#schemas/certificate-profile.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { encodedId } from '../members/rules.ts'
import type { TrustStore } from './store.ts'

type Tried = { profile: object; values: Record<Placeholder, string>; certificate?: string }

export function profileHandlers(q: { store: TrustStore; clock: Clock }): Record<string, OperationHandler> {
  const { store } = q
  return {
    getCertificateProfiles: async () => {
      const services = await store.services()
      const usersOf = (fits: (profile: string) => boolean): string[] =>
        services.filter(({ profile }) => fits(profile)).map(({ name }) => name)
      const own = (await store.profiles()).map(({ name, document, sha256, changed_at }) => ({
        ...{ name, builtIn: false, sha256, changedAt: changed_at },
        usedBy: usersOf((profile) => profile === name),
        profile: JSON.parse(document) as CertificateProfile,
      }))
      const builtIn = builtInProfiles().map((profile) => ({
        ...{ name: profile.name, builtIn: true, sha256: digestOf(profile), changedAt: null },
        usedBy: usersOf((name) => name.split('.').at(-1) === profile.name),
        profile,
      }))
      return [...own, ...builtIn]
    },
    putCertificateProfile: ({ params, body }) => {
      const profile = readOwnProfile(body)
      if (profile.name !== params['name'])
        throw new Fault('invalid_input', { what: say`profile.name is not the name in the path` })
      return store.putProfile(profile, new Date(q.clock()).toISOString())
    },
    deleteCertificateProfile: ({ params }) => store.deleteProfile(params['name']!),
    tryCertificateProfile: async ({ body }) => {
      const { profile: given, values, certificate } = body as Tried
      const profile = readProfile(given)
      return {
        signing: fillRequest(profile.signing.request, values),
        authentication: fillRequest(profile.authentication.request, values),
        ...(certificate === undefined ? {} : { certificate: reading(profile, certificate, values.instance) }),
      }
    },
  }
}

function digestOf(profile: CertificateProfile): string {
  return createHash('sha256').update(canonicalJson(profile)).digest('hex')
}

/** The member or server that the certificate names by this profile, or the reason why it names none. */
function reading(profile: CertificateProfile, text: string, instance: string) {
  const certificate = readCertificate(Buffer.from(text, 'latin1'))
  const facts = {
    subject: readableName(certificate.subject),
    usage: isSigningCertificate(certificate) ? 'SIGNING' : 'AUTHENTICATION',
  }
  try {
    if (facts.usage === 'SIGNING')
      return {
        ...facts,
        member: encodedId(idText(memberOfSigningCertificate(certificate, profile, instance))),
      }
    checkDemands(certificate, profile.authentication.certificate)
    return { ...facts, server: serverOfAuthenticationCertificate(certificate, profile, instance) ?? null }
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    return { ...facts, refusal: { type: code, message } }
  }
}
