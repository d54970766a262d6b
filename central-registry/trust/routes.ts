/** Handlers of the operations on approved certification services and time-stamping services. */
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { nameText } from '#core/certificate/name.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import type { Changed } from '../members/routes.ts'
import { checkName } from '../members/rules.ts'
import { checkCa, checkIntermediate, checkProfile, checkUrl } from './rules.ts'
import type { NewAuthority, TrustStore } from './store.ts'

type Responder = { url: string; certificate?: string }

/** The certificates of all approved CAs, for checking what they issued. */
export async function approvedCertificates(
  store: TrustStore,
): Promise<{ anchors: Certificate[]; intermediates: Certificate[] }> {
  const authorities = await store.authorities()
  const read = (isTop: number): Certificate[] =>
    authorities.filter((one) => Number(one.is_top) === isTop).map((one) => readCertificate(one.certificate))
  return { anchors: read(1), intermediates: read(0) }
}

export function trustHandlers(q: {
  store: TrustStore
  clock: Clock
  changed: Changed
}): Record<string, OperationHandler> {
  const { store, changed } = q
  const now = (): Date => new Date(q.clock())

  return {
    getCertificationServices: async () => {
      const [authorities, responders] = await Promise.all([store.authorities(), store.responders()])
      return (await store.services()).map(({ id, name, profile, authentication_only }) => ({
        id: Number(id),
        name,
        certificateProfileInfo: profile,
        authenticationOnly: Number(authentication_only) === 1,
        authorities: authorities
          .filter((one) => Number(one.service) === Number(id))
          .map((one) =>
            describe(
              one,
              responders
                .filter((responder) => responder.authority === one.sha256)
                .map((responder) => responder.url),
            ),
          ),
      }))
    },
    addCertificationService: async ({ body }) => {
      const given = body as {
        name: string
        certificateProfileInfo: string
        authenticationOnly: boolean
        certificate: string
        ocspResponders: Responder[]
      }
      const certificate = checkCa(decode(given.certificate), now())
      const service = {
        name: checkName(given.name),
        profile: checkProfile(given.certificateProfileInfo),
        authenticationOnly: given.authenticationOnly,
        at: now().toISOString(),
      }
      const id = await store.addService(service, authority(certificate, given.ocspResponders))
      changed()
      return { id }
    },
    addIntermediateCa: async ({ params, body }) => {
      const service = Number(params['id'])
      const given = body as { certificate: string; ocspResponders: Responder[] }
      const of = (await store.authorities()).filter((one) => Number(one.service) === service)
      if (of.length === 0) throw new Fault('not_found', { what: `the certification service ${service}` })
      const certificate = checkIntermediate(
        decode(given.certificate),
        of.map((one) => readCertificate(one.certificate)),
        now(),
      )
      await store.addIntermediate(service, authority(certificate, given.ocspResponders))
      changed()
      return { sha256: certificate.sha256 }
    },
    deleteCertificationService: async ({ params }) => {
      await store.deleteService(Number(params['id']))
      changed()
    },
    getTimestampingServices: async () =>
      (await store.timestampingServices()).map(({ id, name, url, certificate }) => {
        const read = readCertificate(certificate)
        return {
          id: Number(id),
          name,
          url,
          subject: nameText(read.subject),
          notAfter: read.notAfter.toISOString(),
        }
      }),
    addTimestampingService: async ({ body }) => {
      const given = body as { name: string; url: string; certificate: string }
      const certificate = readCertificate(decode(given.certificate)).der
      const id = await store.addTimestampingService({
        name: checkName(given.name),
        url: checkUrl(given.url),
        certificate,
      })
      changed()
      return { id }
    },
    deleteTimestampingService: async ({ params }) => {
      await store.deleteTimestampingService(Number(params['id']))
      changed()
    },
  }
}

function authority(certificate: Certificate, responders: Responder[]): NewAuthority {
  return {
    certificate,
    responders: responders.map(({ url, certificate: of }) => ({
      url: checkUrl(url),
      certificate: of === undefined ? undefined : readCertificate(decode(of)).der,
    })),
  }
}

function describe(row: { sha256: string; is_top: number; certificate: Buffer }, ocspUrls: string[]): object {
  const certificate = readCertificate(row.certificate)
  return {
    sha256: row.sha256,
    top: Number(row.is_top) === 1,
    subject: nameText(certificate.subject),
    notAfter: certificate.notAfter.toISOString(),
    ocspUrls,
  }
}

/** PEM text as it is, else base64 of DER. */
function decode(text: string): Buffer {
  return text.includes('-----BEGIN') ? Buffer.from(text, 'latin1') : Buffer.from(text, 'base64')
}
