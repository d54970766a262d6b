/** Certificates of the server's keys, and the authorities that give them. */
import { parseCertificate } from '#core/certificate/certificate.ts'
import { readableName } from '#core/certificate/name.ts'
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { Entry } from './entry.ts'
import { fieldsOf, flagIn } from './fields.ts'
import type { Needs } from './needs.ts'
import type { OwnCertificate } from './own-views.ts'
import { certificateActions, certificateView } from './token-views.ts'

const CERTIFICATE = '/token-certificates/:hash'

export function certificateEntries(rooms: Needs): Entry[] {
  return [
    {
      ...{ name: 'importCertificate', method: 'POST', path: '/token-certificates', status: 201 },
      ...{ takes: 'bytes', through: ['importCertificate'] },
      codes: { conflict: 'certificate_already_exists' },
      answer: async ({ body, call }) =>
        certificateView(await call<OwnCertificate>('importCertificate', { body: bodyBytes(body) })),
    },
    {
      ...{ name: 'getCertificate', method: 'GET', path: CERTIFICATE, status: 200 },
      through: ['getCertificate'],
      codes: { cert_not_found: 'certificate_not_found' },
      answer: async ({ params, call }) =>
        certificateView(await call<OwnCertificate>('getCertificate', hashOf(params))),
    },
    {
      ...{ name: 'getPossibleActionsForCertificate', method: 'GET', path: `${CERTIFICATE}/possible-actions` },
      ...{ status: 200, through: ['getCertificate'] },
      codes: { cert_not_found: 'certificate_not_found' },
      answer: async ({ params, call }) =>
        certificateActions(await call<OwnCertificate>('getCertificate', hashOf(params))),
    },
    ...acts(),
    ...authorityEntries(rooms),
  ]
}

function acts(): Entry[] {
  const plain = [
    ['deleteCertificate', 'DELETE', '', 'deleteCertificate'],
    ['activateCertificate', 'PUT', '/activate', 'activateCertificate'],
    ['disableCertificate', 'PUT', '/disable', 'disableCertificate'],
    ['unregisterAuthCertificate', 'PUT', '/unregister', 'unregisterCertificate'],
  ] as const
  return [
    ...plain.map(
      ([name, method, more, ours]): Entry => ({
        ...{ name, method, path: `${CERTIFICATE}${more}`, status: 204, through: [ours] },
        codes: { cert_not_found: 'certificate_not_found', conflict: 'action_not_possible' },
        answer: async ({ params, call }) => void (await call(ours, hashOf(params))),
      }),
    ),
    {
      ...{ name: 'registerCertificate', method: 'PUT', path: `${CERTIFICATE}/register`, status: 204 },
      through: ['registerCertificate'],
      codes: { cert_not_found: 'certificate_not_found', conflict: 'action_not_possible' },
      async answer({ params, body, call }) {
        const address = fieldsOf(body).text('address')
        await call('registerCertificate', { ...hashOf(params), body: { address } })
      },
    },
  ]
}

/** Stands for the name of a server that the configuration does not list yet. */
const NO_NAME = 'name.invalid'

function authorityEntries({ globalConfiguration, server }: Needs): Entry[] {
  const approved = () => globalConfiguration.current().index.shared.approvedCas
  return [
    {
      ...{ name: 'getApprovedCertificateAuthorities', method: 'GET', path: '/certificate-authorities' },
      ...{ status: 200, through: ['getApprovedCertificateAuthorities'] },
      async answer({ query, call }) {
        await call('getApprovedCertificateAuthorities')
        return approved()
          .filter((ca) => query['key_usage_type'] !== 'SIGNING' || !ca.authenticationOnly)
          .flatMap((ca) => {
            const [top, ...below] = [ca.topCa, ...ca.intermediateCas].map(({ cert }) =>
              parseCertificate(cert),
            )
            const shown = flagIn(query, 'include_intermediate_cas') === true ? [top!, ...below] : [top!]
            return shown.map((certificate) => ({
              name: ca.name,
              subject_distinguished_name: readableName(certificate.subject),
              issuer_distinguished_name: readableName(certificate.issuer),
              // This server asks for the state of its own certificates, not of authorities.
              ocsp_response: 'NOT_AVAILABLE',
              not_after: certificate.notAfter,
              top_ca: certificate === top,
              path: [top!, ...(certificate === top ? [] : [certificate])]
                .map(({ subject }) => readableName(subject))
                .join(':'),
              authentication_only: ca.authenticationOnly,
              certificate_profile_info: ca.certificateProfileInfo,
              default_csr_format: ca.defaultCsrFormat ?? 'DER',
              acme_capable: ca.acmeServer !== undefined,
            }))
          })
      },
    },
    {
      ...{ name: 'getSubjectFieldDescriptions', method: 'GET', status: 200 },
      path: '/certificate-authorities/:caName/csr-subject-fields',
      through: ['getSubjectFieldDescriptions'],
      codes: { not_found: 'ca_not_found' },
      async answer({ params, query, call }) {
        const { key_usage_type: usage, member_id: memberId } = query
        const dnsName = inForce(globalConfiguration)?.index.server(server)?.address ?? NO_NAME
        const fields = await call<{ type: string; value: string }[]>('getSubjectFieldDescriptions', {
          params: { caName: params['caName']! },
          query: { usage, dnsName, ...(memberId === undefined ? {} : { memberId }) },
        })
        return fields.map(({ type, value }) => ({
          ...{
            id: type,
            label: type,
            default_value: value === NO_NAME ? '' : value,
            read_only: false,
            required: true,
          },
          localized: false,
        }))
      },
    },
  ]
}

function hashOf(params: Record<string, string>): { params: { sha256: string } } {
  return { params: { sha256: params['hash']!.toLowerCase() } }
}
