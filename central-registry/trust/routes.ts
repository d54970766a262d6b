/** Handlers of the operations on approved certification services and time-stamping services. */
import type { Certificate } from '#core/certificate/certificate.ts'
import { certificateFacts } from '#core/certificate/certificate-facts.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { AcmeServer, CostType, CsrFormat } from '#schemas/global-configuration.ts'
import { checkName } from '../members/rules.ts'
import { issuerHandlers } from './issuer-routes.ts'
import { profileHandlers } from './profile-routes.ts'
import {
  checkAcmeServer,
  checkCa,
  checkIssued,
  checkProfile,
  checkProfileKnown,
  checkUrl,
  checkValid,
  isProfileKnown,
} from './rules.ts'
import type { NewAuthority, TrustStore } from './store.ts'

type Responder = { url: string; certificate?: string; costType: CostType }

export function trustHandlers(q: { store: TrustStore; clock: Clock }): Record<string, OperationHandler> {
  const { store } = q
  const now = (): Date => new Date(q.clock())

  return {
    ...profileHandlers(q),
    ...issuerHandlers(q),
    getCertificationServices: async () => {
      const services = await store.services()
      const [authorities, responders] = await Promise.all([store.authorities(), store.responders()])
      const own = (await store.profiles()).map(({ name }) => name)
      const respondersOf = (authority: string) => responders.filter((one) => one.authority === authority)
      return services.map(({ id, name, profile, authentication_only, csr_format, acme_server }) => ({
        id,
        name,
        certificateProfileInfo: profile,
        certificateProfileKnown: isProfileKnown(profile, own),
        authenticationOnly: authentication_only === 1,
        defaultCsrFormat: csr_format,
        ...(acme_server === null ? {} : { acmeServer: JSON.parse(acme_server) as AcmeServer }),
        authorities: authorities
          .filter((one) => one.service === id)
          .map((one) => ({
            top: one.is_top === 1,
            ...certificateFacts(one.certificate),
            ocspUrls: respondersOf(one.sha256).map(({ url }) => url),
            ocspResponders: respondersOf(one.sha256).map(({ url, certificate, cost_type }) => ({
              ...{ url, costType: cost_type },
              ...(certificate === null ? {} : { certificate: certificateFacts(certificate) }),
            })),
          })),
      }))
    },
    addCertificationService: async ({ body }) => {
      const given = body as {
        name: string
        certificateProfileInfo: string
        authenticationOnly: boolean
        defaultCsrFormat: CsrFormat
        acmeServer?: AcmeServer
        certificate: string
        ocspResponders: Responder[]
      }
      const service = {
        name: checkName(given.name),
        profile: checkProfile(given.certificateProfileInfo),
        authenticationOnly: given.authenticationOnly,
        csrFormat: given.defaultCsrFormat,
        acmeServer: given.acmeServer && checkAcmeServer(given.acmeServer),
        at: now().toISOString(),
      }
      const certificate = checkCa(bytesOf(given.certificate), now())
      const top = authority(certificate, given.ocspResponders, now())
      const check = (own: string[]): void => checkProfileKnown(service.profile, own)
      return { id: await store.addService(service, top, check) }
    },
    deleteCertificationService: ({ params }) => store.deleteService(Number(params['id'])),
    setAcmeServer: async ({ params, body }) => {
      const { acmeServer } = body as { acmeServer?: AcmeServer }
      await store.setAcmeServer(Number(params['id']), acmeServer && checkAcmeServer(acmeServer))
    },
    addIntermediateCa: async ({ params, body }) => {
      const given = body as { certificate: string; ocspResponders: Responder[] }
      const certificate = checkCa(bytesOf(given.certificate), now())
      const added = authority(certificate, given.ocspResponders, now())
      await store.addIntermediate(Number(params['id']), added, (own) => checkIssued(certificate, own))
      return { sha256: certificate.sha256 }
    },
    deleteIntermediateCa: ({ params }) => store.deleteIntermediate(Number(params['id']), params['sha256']!),
    getCertificateFile: ({ params }) => store.certificate(params['sha256']!.toLowerCase()),
    getTimestampingServices: async () =>
      (await store.timestampingServices()).map(({ id, name, url, certificate, cost_type }) => ({
        ...{ id, name, url, costType: cost_type },
        ...certificateFacts(certificate),
      })),
    addTimestampingService: async ({ body }) => {
      const given = body as { name: string; url: string; certificate: string; costType: CostType }
      const service = {
        name: checkName(given.name),
        url: checkUrl(given.url),
        certificate: checkValid(bytesOf(given.certificate), now()).der,
        cost_type: given.costType,
      }
      return { id: await store.addTimestampingService(service) }
    },
    deleteTimestampingService: ({ params }) => store.deleteTimestampingService(Number(params['id'])),
  }
}

function authority(certificate: Certificate, responders: Responder[], at: Date): NewAuthority {
  return {
    certificate,
    responders: responders.map(({ url, certificate: own, costType }) => ({
      url: checkUrl(url),
      costType,
      certificate: own === undefined ? undefined : checkValid(bytesOf(own), at).der,
    })),
  }
}

/** PEM or base64 of DER: the reader finds out which it is, and checks it. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
