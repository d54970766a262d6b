/**
 * A small but complete set of parameters: every optional field, text that needs escaping, an intermediate CA.
 */
import type {
  ConfigurationSource,
  PrivateParameters,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import type { MemberId } from '#schemas/identifiers.ts'

type Sample = {
  instance: string
  /** DER of any certificate, used wherever one is needed. */
  certificate: Buffer
  sources?: ConfigurationSource[]
  /** Changes the content: the name of the first member. */
  name?: string
}

/** Shared parameters with two members, two servers and a group. */
export function sampleShared({ instance, certificate, sources, name }: Sample): SharedParameters {
  const gov: MemberId = { instance, memberClass: 'GOV', memberCode: '1234' }
  const com: MemberId = { instance, memberClass: 'COM', memberCode: 'ÄÖ & <1>' }
  const population = { ...gov, subsystemCode: 'population' }
  const shop = { ...com, subsystemCode: 'shop "1"' }
  return {
    instance,
    sources: sources ?? [
      {
        address: 'registry',
        internalVerificationCerts: [certificate],
        externalVerificationCerts: [certificate],
      },
    ],
    approvedCas: [
      {
        name: 'Test CA',
        authenticationOnly: false,
        topCa: {
          cert: certificate,
          ocsp: [{ url: 'http://ocsp/a?b&c', cert: certificate, costType: 'FREE' }],
        },
        intermediateCas: [
          { cert: certificate, ocsp: [{ url: 'http://ocsp/2', cert: undefined, costType: undefined }] },
        ],
        certificateProfileInfo:
          'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider',
        defaultCsrFormat: 'DER',
        acmeServer: {
          directoryUrl: 'https://acme/directory',
          ipAddress: '192.0.2.1',
          authenticationCertificateProfileId: '5',
          signingCertificateProfileId: '6',
        },
      },
    ],
    approvedTsas: [{ name: 'Test TSA', url: 'http://tsa', cert: certificate, costType: 'PAID' }],
    members: [
      {
        id: gov,
        memberClassDescription: 'Government',
        name: name ?? 'Population Register',
        subsystems: [
          { id: population, name: 'Persons' },
          { id: { ...gov, subsystemCode: 'MANAGEMENT' }, name: undefined },
        ],
      },
      { id: com, memberClassDescription: 'Companies', name: '', subsystems: [{ id: shop, name: 'Shop' }] },
    ],
    securityServers: [
      {
        id: { ...gov, serverCode: 'ss1' },
        address: '127.0.1.1',
        authCertHashes: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)],
        clients: [population],
        maintenance: { message: 'back at 12:00' },
      },
      {
        id: { ...com, serverCode: 'ss2' },
        address: undefined,
        authCertHashes: [Buffer.alloc(32, 3)],
        clients: [shop, population],
        maintenance: { message: undefined },
      },
    ],
    globalGroups: [{ groupCode: 'owners', description: 'Owners of servers', members: [gov, shop] }],
    memberClasses: [
      { code: 'GOV', description: 'Government' },
      { code: 'COM', description: 'Companies' },
    ],
    ocspFreshnessSeconds: 3600,
  }
}

/** Private parameters with a management service and the given anchors of other instances. */
export function samplePrivate({
  instance,
  certificate,
  anchors = [],
}: Sample & { anchors?: PrivateParameters['anchors'] }): PrivateParameters {
  return {
    instance,
    anchors,
    managementService: {
      authCertRegServiceAddress: 'https://registry:4001/managementservice/',
      authCertRegServiceCert: certificate,
      providerId: { instance, memberClass: 'GOV', memberCode: '1234', subsystemCode: 'MANAGEMENT' },
    },
    timeStampingIntervalSeconds: 60,
  }
}
