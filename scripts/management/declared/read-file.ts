/**
 * Reads a declared registry: a YAML file with its desired content, and the certificates and profiles that it
 * names.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { readOwnProfile } from '#core/certificate/read-own-profiles.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import type { AcmeServer } from '#schemas/global-configuration.ts'
import { CommandError } from '../command-error.ts'
import { fileBeside, fitting, flag, object, readBytes, readText, readYaml, text } from './file.ts'

export type Declared = {
  managementServiceProvider?: string
  /** Null wants that there is none. */
  monitoringClient?: string | null
  memberClasses: { code: string; description: string }[]
  certificateProfiles: CertificateProfile[]
  certificationServices: {
    name: string
    certificateProfileInfo: string
    authenticationOnly: boolean
    defaultCsrFormat: string
    acmeServer?: AcmeServer
    certificate: string
    ocspResponders: Responder[]
    intermediateCas: { certificate: string; ocspResponders: Responder[] }[]
  }[]
  timestampingServices: { name: string; url: string; certificate: string; costType: string }[]
  members: {
    id: string
    name: string
    subsystems: { code: string; name?: string }[]
    webhook?: string | null
    mailAddresses?: string[]
  }[]
  securityServers: {
    id: string
    address: string
    authenticationCertificates: string[]
    clients: string[]
  }[]
  globalGroups: { code: string; description: string; members: string[] }[]
  automaticApprovals: { kind: string; memberClass: string }[]
  hostingMandates: { host: string; client: string; validUntil: string }[]
  contractPolicy?: { contractRequired: boolean; approveAll: boolean; confirmedContacts?: string }
  hostingPolicy?: { mandateRequired: boolean }
  suspensionPolicy?: { perDay: number; leaveConfiguration?: boolean }
  /** Base64 of anchor files. */
  externalAnchors: string[]
}

type Responder = { url: string; certificate?: string; costType: string }

const orNull = { ...text, type: ['string', 'null'] }
const list = (items: object): object => ({ type: 'array', items, default: [], maxItems: 200_000 })
/** RFC 3339, as in the API. */
const time = {
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$',
}
/** The defaults are the API's. */
const costType = { type: 'string', enum: ['FREE', 'PAID', 'UNDEFINED'], default: 'UNDEFINED' }
/**
 * `file`, `profile`: how certificates, anchors and profiles are written, by name in the file, whole in a
 * revision.
 */
function schemaWith({ file, profile, ...more }: { file: object; profile: object; isKept?: true }): object {
  const responders = list(object({ url: text }, { certificate: file, costType }))
  return object(
    {},
    {
      managementServiceProvider: text,
      monitoringClient: orNull,
      memberClasses: list(object({ code: text, description: text })),
      certificateProfiles: list(profile),
      certificationServices: list(
        object(
          { name: text, certificateProfileInfo: text, certificate: file },
          {
            authenticationOnly: { type: 'boolean', default: false },
            defaultCsrFormat: { type: 'string', enum: ['PEM', 'DER'], default: 'DER' },
            acmeServer: object(
              { directoryUrl: text },
              {
                ...{ ipAddress: text, authenticationCertificateProfileId: text },
                signingCertificateProfileId: text,
              },
            ),
            ocspResponders: responders,
            intermediateCas: list(object({ certificate: file }, { ocspResponders: responders })),
          },
        ),
      ),
      timestampingServices: list(object({ name: text, url: text, certificate: file }, { costType })),
      members: list(
        object(
          { id: text, name: text },
          {
            subsystems: list(object({ code: text }, { name: text })),
            webhook: orNull,
            ...(more.isKept ? {} : { mailAddresses: { type: 'array', items: text, maxItems: 10 } }),
          },
        ),
      ),
      securityServers: list(
        object({ id: text, address: text }, { authenticationCertificates: list(file), clients: list(text) }),
      ),
      globalGroups: list(object({ code: text, description: text }, { members: list(text) })),
      automaticApprovals: list(object({ kind: text, memberClass: text })),
      hostingMandates: list(object({ host: text, client: text, validUntil: time })),
      contractPolicy: object({ contractRequired: flag, approveAll: flag }, { confirmedContacts: text }),
      hostingPolicy: object({ mandateRequired: flag }),
      suspensionPolicy: object({ perDay: { type: 'integer' } }, { leaveConfiguration: flag }),
      externalAnchors: list(file),
    },
  )
}

/** The file as it is written: it has names of profile files instead of profiles. */
type Written = Omit<Declared, 'certificateProfiles'> & { certificateProfiles: string[] }

/**
 * Reads a declared file and the files that it names in the same folder: certificates as base64 of DER,
 * profiles as their content. Throws a CommandError.
 */
export async function readDeclared(file: string): Promise<Declared> {
  const declared = (await readYaml(file, schemaWith({ file: text, profile: text }))) as Written
  const certificate = async (name: string): Promise<string> => certificateOf(await fileBeside(file, name))
  const withCertificates = (given: Responder[]): Promise<Responder[]> =>
    Promise.all(
      given.map(async (one) =>
        one.certificate === undefined ? one : { ...one, certificate: await certificate(one.certificate) },
      ),
    )
  const anchor = async (name: string): Promise<string> =>
    (await readBytes(await fileBeside(file, name))).toString('base64')
  return {
    ...declared,
    certificateProfiles: await Promise.all(
      declared.certificateProfiles.map(async (name) => readProfileFile(await fileBeside(file, name))),
    ),
    externalAnchors: await Promise.all(declared.externalAnchors.map(anchor)),
    certificationServices: await Promise.all(
      declared.certificationServices.map(async (service) => ({
        ...service,
        certificate: await certificate(service.certificate),
        ocspResponders: await withCertificates(service.ocspResponders),
        intermediateCas: await Promise.all(
          service.intermediateCas.map(async (ca) => ({
            certificate: await certificate(ca.certificate),
            ocspResponders: await withCertificates(ca.ocspResponders),
          })),
        ),
      })),
    ),
    timestampingServices: await Promise.all(
      declared.timestampingServices.map(async (one) => ({
        ...one,
        certificate: await certificate(one.certificate),
      })),
    ),
    securityServers: await Promise.all(
      declared.securityServers.map(async (one) => ({
        ...one,
        authenticationCertificates: await Promise.all(one.authenticationCertificates.map(certificate)),
      })),
    ),
  }
}

async function readProfileFile(file: string): Promise<CertificateProfile> {
  const content = await readText(file)
  try {
    return readOwnProfile(JSON.parse(content))
  } catch (cause) {
    throw new CommandError(2, `${file} is no certificate profile: ${(cause as Error).message}`, cause)
  }
}

async function certificateOf(file: string): Promise<string> {
  const bytes = await readBytes(file)
  try {
    return readCertificate(bytes).der.toString('base64')
  } catch (cause) {
    throw new CommandError(2, `${file} is no certificate: ${(cause as Error).message}`, cause)
  }
}

/** What `contentOf` made. Throws a CommandError. */
export function readContent(name: string, content: string): Declared {
  try {
    const schema = schemaWith({ file: { type: 'string' }, profile: { type: 'object' }, isKept: true })
    const declared = fitting(name, JSON.parse(content), schema) as Declared
    const services = declared.certificationServices.flatMap((one) => [one, ...one.intermediateCas])
    const responders = services.flatMap(({ ocspResponders }) => ocspResponders)
    const certificates = [...services, ...responders, ...declared.timestampingServices]
    for (const { certificate } of certificates) if (certificate !== undefined) checkCertificate(certificate)
    for (const { authenticationCertificates } of declared.securityServers)
      for (const certificate of authenticationCertificates) checkCertificate(certificate)
    return { ...declared, certificateProfiles: declared.certificateProfiles.map(readOwnProfile) }
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    throw new CommandError(1, `${name} cannot be read: ${(cause as Error).message}`, cause)
  }
}

function checkCertificate(der: string): void {
  readCertificate(Buffer.from(der, 'base64'))
}

/**
 * The one text of what is declared, whole: the same for the same declaration, whatever the order of its
 * fields. Without mail addresses: it is kept for good, and people can ask to be forgotten.
 */
export function contentOf(declared: Declared): string {
  const members = declared.members.map(({ mailAddresses: _, ...member }) => member)
  return canonicalJson({ ...declared, members })
}

/** With the mail addresses, for a sum that says what is applied. */
export function wholeOf(declared: Declared): string {
  return canonicalJson(declared)
}

/** A file that declares nothing. */
export const NOTHING: Declared = {
  ...{ memberClasses: [], certificateProfiles: [], certificationServices: [], timestampingServices: [] },
  ...{ members: [], securityServers: [], globalGroups: [], automaticApprovals: [], hostingMandates: [] },
  externalAnchors: [],
}
