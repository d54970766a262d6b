/**
 * Reads what a file declares of a security server, with the certificates and documents that it names beside
 * it.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { CommandError } from '../../command-error.ts'
import { inTurn } from '../calls.ts'
import { fileBeside, fitting, flag, object, readBytes, readText, readYaml, text } from '../file.ts'

/** A part that is absent is not compared; an empty list wants that there is none. */
export type Declared = {
  clients?: DeclaredClient[]
  subjectPlaces?: SubjectPlace[]
  retentionClasses?: RetentionClass[]
  trackerServices?: TrackerService[]
  eventTypes?: EventType[]
}

export type DeclaredClient = {
  id: string
  connectionType?: string
  /**
   * With true, its registration is filed when it has none; `name` is the subsystem's name in that request.
   */
  registered?: boolean
  name?: string
  /** DER as base64. */
  tlsCertificates?: string[]
  localGroups?: { code: string; description: string; members?: string[] }[]
  serviceDescriptions?: DeclaredDescription[]
  /** Null: it is off. Switching one off is an act of its own, so that one that is on is only told. */
  tracker?: { soap: boolean; accessRights?: Right[]; soapAccessRights?: Right[] } | null
  consents?: { accessRights?: Right[] } | null
}

export type DeclaredDescription = {
  type: string
  /** The document itself, or where it is fetched from. */
  document?: string
  documentUrl?: string
  /** Of what was fetched from there. */
  sha256?: string
  enabled?: boolean
  notice?: string
  /** One for REST and OPENAPI, one for each operation that is declared for WSDL. */
  services: DeclaredService[]
}

export type DeclaredService = Settings & {
  serviceCode: string
  serviceVersion?: string
  tlsCertificates?: string[]
  /** Those that were added by hand. */
  endpoints?: { method: string; path: string }[]
  accessRights?: Right[]
}

type Settings = {
  url?: string
  timeoutMs?: number
  maxConcurrentCalls?: number
  verifyTls?: boolean
  validate?: string
  allowEncodedSlash?: boolean
}

/** Without method and path to the whole service. */
export type Right = { subjectType: string; subjectId: string; method?: string; path?: string }

export type SubjectPlace = {
  serviceId: string
  method: string
  path: string
  in: string
  name: string
  type: string
}
export type RetentionClass = {
  name: string
  keepDays: number | null
  atEnd: string
  archive: string
  services?: string[]
}
export type TrackerService = {
  clientId: string
  serviceId: string
  isGeneral: boolean
  words: Record<string, string>
}
export type EventType = {
  roomId: string
  name: string
  schema?: object
  keepDays?: number
  sources?: { source: string; publisherId: string }[]
  closed: boolean
}

const integer = { type: 'integer' }
const list = (items: object): object => ({ type: 'array', items, maxItems: 20_000 })
const orNull = (of: object): object => ({ ...of, type: ['object', 'null'] })
const oneOf = (...values: string[]): object => ({ type: 'string', enum: values })
const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' }
const words = { type: 'string', maxLength: 2000 }

const right = object(
  { subjectType: oneOf('SUBSYSTEM', 'GLOBALGROUP', 'LOCALGROUP'), subjectId: text },
  { method: text, path: text },
)

/** `file`: how certificates and documents are written, by name in the file, whole in a revision. */
function schemaWith(file: object): object {
  const settings = {
    ...{ url: words, timeoutMs: integer, maxConcurrentCalls: integer, verifyTls: flag },
    ...{ validate: oneOf('NONE', 'REQUESTS', 'ALL'), allowEncodedSlash: flag },
  }
  const service = object(
    { serviceCode: text },
    {
      ...{ serviceVersion: text, ...settings, tlsCertificates: list(file) },
      ...{ endpoints: list(object({ method: text, path: text })), accessRights: list(right) },
    },
  )
  const description = object(
    { type: oneOf('REST', 'OPENAPI', 'WSDL'), services: { ...list(service), minItems: 1 } },
    { document: file, documentUrl: words, sha256: digest, enabled: flag, notice: words },
  )
  const client = object(
    { id: text },
    {
      ...{ connectionType: oneOf('NOSSL', 'SSLNOAUTH', 'SSLAUTH'), registered: flag, name: text },
      tlsCertificates: list(file),
      localGroups: list(object({ code: text, description: text }, { members: list(text) })),
      serviceDescriptions: list(description),
      tracker: orNull(
        object(
          {},
          { soap: { ...flag, default: false }, accessRights: list(right), soapAccessRights: list(right) },
        ),
      ),
      consents: orNull(object({}, { accessRights: list(right) })),
    },
  )
  return object(
    {},
    {
      clients: list(client),
      subjectPlaces: list(
        object(
          { serviceId: text, in: text },
          {
            method: { ...text, default: '*' },
            path: { ...text, default: '**' },
            name: { ...words, default: '' },
            type: { ...text, default: 'personal-code' },
          },
        ),
      ),
      retentionClasses: list(
        object(
          { name: text, keepDays: { type: ['integer', 'null'] }, atEnd: text },
          { archive: { ...text, default: 'NONE' }, services: list(text) },
        ),
      ),
      trackerServices: list(
        object(
          { clientId: text, serviceId: text, isGeneral: flag },
          { words: { type: 'object', additionalProperties: words, default: {} } },
        ),
      ),
      eventTypes: list(
        object(
          { roomId: text, name: text },
          {
            ...{ schema: { type: 'object' }, keepDays: integer, closed: { ...flag, default: false } },
            sources: list(object({ source: text, publisherId: text })),
          },
        ),
      ),
    },
  )
}

/** The file with the content of those that it names. Throws a CommandError. */
export async function readDeclared(file: string): Promise<Declared> {
  const declared = (await readYaml(file, schemaWith(text))) as Declared
  const beside = (name: string): Promise<string> => fileBeside(file, name)
  const certificates = async (names: string[] | undefined) =>
    names && { tlsCertificates: await inTurn(names, async (name) => certificateOf(await beside(name))) }
  const described = async (of: DeclaredDescription): Promise<DeclaredDescription> => ({
    ...of,
    ...(of.document === undefined ? {} : { document: await readText(await beside(of.document)) }),
    services: await inTurn(of.services, async (one) => ({
      ...one,
      ...(await certificates(one.tlsCertificates)),
    })),
  })
  return checked(file, {
    ...declared,
    ...(declared.clients && {
      clients: await inTurn(declared.clients, async (client) => ({
        ...client,
        ...(await certificates(client.tlsCertificates)),
        ...(client.serviceDescriptions && {
          serviceDescriptions: await inTurn(client.serviceDescriptions, described),
        }),
      })),
    }),
  })
}

/** What `contentOf` made. Throws a CommandError. */
export function readContent(name: string, content: string): Declared {
  try {
    const declared = fitting(name, JSON.parse(content), schemaWith({ type: 'string' })) as Declared
    for (const { tlsCertificates = [], serviceDescriptions = [] } of declared.clients ?? []) {
      const services = serviceDescriptions.flatMap((one) => one.services)
      for (const one of [tlsCertificates, ...services.map((of) => of.tlsCertificates ?? [])].flat())
        sha256Of(one)
    }
    return checked(name, declared)
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    throw new CommandError(1, `${name} cannot be read: ${(cause as Error).message}`, cause)
  }
}

/**
 * The one text of what is declared, whole: the same for the same declaration, whatever the order of its
 * fields.
 */
export function contentOf(declared: Declared): string {
  return canonicalJson(declared)
}

/** What no schema says. */
function checked(name: string, declared: Declared): Declared {
  const refuse = (what: string): never => {
    throw new CommandError(2, `${name}: ${what}`)
  }
  onlyOnce(declared.clients, ({ id }) => id, refuse)
  for (const { id, serviceDescriptions = [], localGroups } of declared.clients ?? []) {
    onlyOnce(localGroups, ({ code }) => `${id} local group ${code}`, refuse)
    onlyOnce(
      serviceDescriptions.flatMap(({ services }) => services),
      (one) => `${id}:${codeOf(one)}`,
      refuse,
    )
    for (const { type, services, document, documentUrl, sha256 } of serviceDescriptions) {
      const named = `${type} of ${id}, ${codeOf(services[0]!)}`
      const sources = [document, documentUrl].filter((one) => one !== undefined).length
      if (sources !== (type === 'REST' ? 0 : 1))
        refuse(`${named}: OPENAPI and WSDL have document or documentUrl, REST neither`)
      if (sha256 !== undefined && documentUrl === undefined) refuse(`${named}: sha256 is of a documentUrl`)
      if (type !== 'WSDL' && (services.length !== 1 || services[0]!.serviceVersion !== undefined))
        refuse(`${named}: REST and OPENAPI have one service without a version`)
      for (const { accessRights = [] } of services)
        if (accessRights.some((one) => (one.method === undefined) !== (one.path === undefined)))
          refuse(`${named}: a right has method and path, or neither`)
    }
  }
  onlyOnce(declared.retentionClasses, (one) => `retention class ${one.name}`, refuse)
  onlyOnce(declared.eventTypes, (one) => `event type ${one.roomId} ${one.name}`, refuse)
  return declared
}

/** A service's code, with its version where it has one. */
export function codeOf(of: { serviceCode: string; serviceVersion?: string }): string {
  return of.serviceVersion === undefined ? of.serviceCode : `${of.serviceCode}:${of.serviceVersion}`
}

/** Of a certificate as base64. */
export function sha256Of(der: string): string {
  return readCertificate(Buffer.from(der, 'base64')).sha256
}

function onlyOnce<T>(all: T[] | undefined, keyOf: (one: T) => string, refuse: (what: string) => never): void {
  const seen = new Set<string>()
  for (const one of all ?? []) {
    const key = keyOf(one)
    if (seen.has(key)) refuse(`${key} is there twice`)
    seen.add(key)
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
