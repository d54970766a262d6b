/**
 * docs/configuration.md and the example files agree exactly with the schemas of the processes' settings. The
 * OpenAPI documents compile completely.
 */
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { parse } from 'yaml'
import { eventsAdapter } from '#adapters/events/adapter.ts'
import { fileAdapter } from '#adapters/file/adapter.ts'
import { fileMessages } from '#adapters/file/messages/worker.ts'
import { httpAdapter } from '#adapters/http/adapter.ts'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import { lifeEvents } from '#adapters/life-events/adapter.ts'
import { mandatesAdapter } from '#adapters/mandates/adapter.ts'
import { portal } from '#adapters/portal/portal.ts'
import { soapAdapter } from '#adapters/soap/adapter.ts'
import { restAsSoapAdapter } from '#adapters/soap/rest-as-soap/adapter.ts'
import { sqlAdapter } from '#adapters/sql/adapter.ts'
import { sqlMessages } from '#adapters/sql/messages/worker.ts'
import { verifier } from '#adapters/verifier/verifier.ts'
import { checkSettings, settingsSchema as registrySchema } from '#central-registry/config.ts'
import { settingsSchema as proxySchema } from '#central-registry/configuration-proxy/settings.ts'
import { trustServicesSchema } from '#certs/configuration.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { type OpenApiDocument, readOperations } from '#platform/http-service/openapi-operations.ts'
import { inputValidatorsOf } from '#platform/http-service/openapi-validator.ts'
import { readDocument } from '#platform/http-service/read-document.ts'
import {
  checkSettings as checkServerSettings,
  settingsSchema as serverSchema,
} from '#security-server/config.ts'
import { settingsSchema as subjectKeysSchema } from '#security-server/subject-keys/config.ts'

type Schema = {
  type?: string
  default?: unknown
  enum?: readonly string[]
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  required?: readonly string[]
  items?: Schema
  properties?: Record<string, Schema>
  'x-path'?: boolean
}

const ROOT = path.resolve(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

const PROCESSES: { heading: string; schema: object; prefix: string; example: string }[] = [
  {
    heading: 'Security server',
    schema: serverSchema,
    prefix: 'CONCORDAT',
    example: 'docs/examples/security-server.yaml',
  },
  {
    heading: 'Central registry',
    schema: registrySchema,
    prefix: 'CONCORDAT_REGISTRY',
    example: 'docs/examples/central-registry.yaml',
  },
  {
    heading: 'Configuration proxy',
    schema: proxySchema,
    prefix: 'CONFIGURATION_PROXY',
    example: 'docs/examples/configuration-proxy.yaml',
  },
  {
    heading: 'Holder of subject keys',
    schema: subjectKeysSchema,
    prefix: 'SUBJECT_KEYS',
    example: 'docs/examples/subject-keys.yaml',
  },
  {
    heading: 'Portal',
    schema: portal.schema,
    prefix: portal.prefix,
    example: 'docs/examples/portal.yaml',
  },
  {
    heading: 'Register of mandates',
    schema: mandatesAdapter.schema,
    prefix: mandatesAdapter.prefix,
    example: 'docs/examples/mandates.yaml',
  },
  {
    heading: 'Life events',
    schema: lifeEvents.schema,
    prefix: lifeEvents.prefix,
    example: 'docs/examples/life-events.yaml',
  },
  {
    heading: 'Verifier',
    schema: verifier.schema,
    prefix: verifier.prefix,
    example: 'docs/examples/verifier.yaml',
  },
  {
    heading: 'SQL adapter',
    schema: sqlAdapter.schema,
    prefix: sqlAdapter.prefix,
    example: 'docs/examples/sql-adapter.yaml',
  },
  {
    heading: 'HTTP adapter',
    schema: httpAdapter.schema,
    prefix: httpAdapter.prefix,
    example: 'docs/examples/http-adapter.yaml',
  },
  {
    heading: 'SOAP adapter',
    schema: soapAdapter.schema,
    prefix: soapAdapter.prefix,
    example: 'docs/examples/soap-adapter.yaml',
  },
  {
    heading: 'REST-as-SOAP adapter',
    schema: restAsSoapAdapter.schema,
    prefix: restAsSoapAdapter.prefix,
    example: 'docs/examples/rest-as-soap-adapter.yaml',
  },
  {
    heading: 'File adapter',
    schema: fileAdapter.schema,
    prefix: fileAdapter.prefix,
    example: 'docs/examples/file-adapter.yaml',
  },
  {
    heading: 'Files as messages',
    schema: fileMessages.schema,
    prefix: fileMessages.prefix,
    example: 'docs/examples/file-messages.yaml',
  },
  {
    heading: 'Rows as messages',
    schema: sqlMessages.schema,
    prefix: sqlMessages.prefix,
    example: 'docs/examples/sql-messages.yaml',
  },
  {
    heading: 'Events adapter',
    schema: eventsAdapter.schema,
    prefix: 'EVENTS_ADAPTER',
    example: 'docs/examples/events-adapter.yaml',
  },
  {
    heading: 'Development trust services',
    schema: trustServicesSchema,
    prefix: 'TRUST_SERVICES',
    example: 'certs/trust-services.example.yaml',
  },
]

/** Every setting with its values, default and environment variable, in the order of the schema. */
function settingsOf(schema: Schema, prefix: string, keys: string[] = [], optional = false): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const below = [...keys, key]
    const isRequired = schema.required?.includes(key) === true
    if (inner.properties !== undefined) {
      return settingsOf(inner, prefix, below, optional || inner.default === undefined)
    }
    const variable = [
      prefix,
      ...below.map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()),
    ]
    const standard = isRequired
      ? optional
        ? `required in \`${keys.join('.')}\``
        : 'required'
      : inner.default === undefined
        ? 'none'
        : `\`${JSON.stringify(inner.default).replaceAll('"', '')}\``
    return [[`\`${below.join('.')}\``, valuesOf(inner), standard, `\`${variable.join('_')}\``]]
  })
}

function valuesOf(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ')
  if (schema.type === 'array') return 'list'
  if (schema['x-path'] === true) return 'path'
  if (schema.type === 'string') return 'text'
  if (schema.type === 'object') return 'mapping'
  if (schema.type === 'boolean') return '`true`, `false`'
  const kind = schema.type === 'integer' ? 'whole number' : 'number'
  const least =
    schema.exclusiveMinimum === undefined ? schema.minimum : `more than ${schema.exclusiveMinimum}`
  if (least === undefined) return kind
  if (schema.maximum !== undefined) return `${least} to ${schema.maximum}`
  return schema.exclusiveMinimum === undefined ? `${kind}, at least ${least}` : `${kind}, ${least}`
}

/** The rows of the table below a heading, without its two header lines. */
function tableBelow(text: string, heading: string): string[][] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** The outermost schemas of an OpenAPI document: its components, and those of parameters and bodies. */
function schemasIn(node: unknown): object[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, part]: [string, unknown]) => {
    if (key === 'schema') return [part as object]
    return key === 'schemas' ? Object.values(part as object) : schemasIn(part)
  })
}

void t.test('each is a JSON Schema, which no start looks at again', (t) => {
  const ajv = new Ajv2020()
  const reconciliation = parse(read('schemas/reconciliation.yaml')) as object
  for (const schema of [...PROCESSES.map((one) => one.schema), reconciliation])
    t.ok(ajv.validateSchema(schema), ajv.errorsText())
  for (const file of readdirSync(path.join(ROOT, 'schemas')).filter((one) => one.endsWith('-api.yaml'))) {
    const schemas = schemasIn(parse(read(`schemas/${file}`), { maxAliasCount: -1 }))
    t.ok(schemas.length > 0)
    for (const schema of schemas) t.ok(ajv.validateSchema(schema), `${file}: ${ajv.errorsText()}`)
  }
  const wrong = { properties: { port: { type: 'whole' } } }
  t.notOk(ajv.validateSchema(wrong), 'what is none is found')
  t.strictSame(schemasIn({ components: { schemas: { wrong } } }), [wrong])
  t.strictSame(schemasIn({ paths: { '/ports': { get: { parameters: [{ schema: wrong }] } } } }), [wrong])
  t.end()
})

void t.test('what is kept of a document is what it says, and is believed only whole', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-documents-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const kept = path.join(folder, 'documents')
  for (const file of readdirSync(path.join(ROOT, 'schemas')).filter((one) => one.endsWith('.yaml'))) {
    const said = parse(read(`schemas/${file}`), { maxAliasCount: -1 }) as unknown
    const at = pathToFileURL(path.join(ROOT, 'schemas', file))
    t.same(await readDocument(at, folder), said, `${file}: the first time`)
    t.same(await readDocument(at, folder), said, `${file}: again`)
  }
  const at = path.join(folder, 'own.yaml')
  writeFileSync(at, `own: &name [${folder}]\nagain: *name\n`)
  const before = readdirSync(kept)
  const said = { own: [folder], again: [folder] }
  t.same(await readDocument(pathToFileURL(at), folder), said)
  const own = readdirSync(kept).find((one) => !before.includes(one))
  t.match(readFileSync(path.join(kept, own!), 'utf8'), '"again"', 'kept')
  for (const damaged of ['', '{"own":', 'null']) {
    writeFileSync(path.join(kept, own!), damaged)
    t.same(await readDocument(pathToFileURL(at), folder), said, `as if not kept: ${damaged}`)
  }
  rmSync(kept, { recursive: true })
  writeFileSync(kept, 'no folder')
  t.same(await readDocument(pathToFileURL(at), folder), said, 'where nothing can be kept')
})

void t.test('each table is its schema', async (t) => {
  const text = read('docs/configuration.md')
  for (const { heading, schema, prefix } of PROCESSES) {
    const rows = tableBelow(text, heading)
    t.same(
      rows.map((row) => row.slice(0, 4)),
      settingsOf(schema as Schema, prefix),
      heading,
    )
    t.same(
      rows.filter(([, , , , meaning = '']) => meaning.length < 10),
      [],
      'each is explained',
    )
  }
})

void t.test('each example is accepted and shows every setting', async (t) => {
  for (const { schema, prefix, example } of PROCESSES) {
    const settings = await readConfiguration<object>(path.join(ROOT, example), schema, {}, prefix)
    if (schema === registrySchema) checkSettings(settings as Parameters<typeof checkSettings>[0])
    if (schema === serverSchema) checkServerSettings(settings as Parameters<typeof checkServerSettings>[0])
    if (schema === httpAdapter.schema) await readSettings(httpAdapter, path.join(ROOT, example), {})
    if (schema === lifeEvents.schema) await readSettings(lifeEvents, path.join(ROOT, example), {})
    if (schema === mandatesAdapter.schema) await readSettings(mandatesAdapter, path.join(ROOT, example), {})
    if (schema === soapAdapter.schema) await readSettings(soapAdapter, path.join(ROOT, example), {})
    if (schema === sqlAdapter.schema) await readSettings(sqlAdapter, path.join(ROOT, example), {})
    if (schema === fileAdapter.schema) await readSettings(fileAdapter, path.join(ROOT, example), {})
    if (schema === fileMessages.schema) await readWorkerSettings(fileMessages, path.join(ROOT, example), {})
    if (schema === sqlMessages.schema) await readWorkerSettings(sqlMessages, path.join(ROOT, example), {})
    if (schema === eventsAdapter.schema) await readWorkerSettings(eventsAdapter, path.join(ROOT, example), {})
    const text = read(example)
    const missing = settingsOf(schema as Schema, prefix)
      .map(([name = '']) => name.replaceAll('`', '').split('.').at(-1) as string)
      .filter((name) => !new RegExp(`^[ #]*${name}:`, 'm').test(text))
    t.same(missing, [], example)
  }
})

t.test('alerts and dashboards name metrics that there are, and say what to do', (t) => {
  const sources = globSync('{core,platform,security-server,central-registry,adapters}/**/*.ts', { cwd: ROOT })
  const made = new Set(
    sources.flatMap((file) =>
      [...read(file).matchAll(/'((?:concordat|process|nodejs)_[a-z0-9_]+)'/g)].map(([, name = '']) => name),
    ),
  )
  const folder = 'docs/examples/monitoring'
  const { groups } = parse(read(`${folder}/alerts.yaml`)) as {
    groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)
  t.ok(rules.every(({ annotations }) => annotations['summary'] && annotations['remedy']))
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
  const boards = ['security-servers', 'registries'].map(
    (name) =>
      JSON.parse(read(`${folder}/grafana-${name}.json`)) as { panels: { targets: { expr: string }[] }[] },
  )
  const panels = boards.flatMap((board) => board.panels.flatMap(({ targets }) => targets))
  const named = [...rules, ...panels].flatMap(({ expr }) => [
    ...expr.matchAll(/\b(?:concordat|process|nodejs)_[a-z0-9_]+/g),
  ])
  t.ok(named.length > 50)
  const unknown = named
    .map(([name]) => name)
    .filter((name) => !made.has(name.replace(/_(?:bucket|count|sum)$/, '')))
  t.strictSame(unknown, [])
  const alarms = [...read('docs/operating.md').matchAll(/^\| (`concordat_[^|]*)\|/gm)].flatMap(
    ([, cell = '']) => [...cell.matchAll(/concordat_[a-z_]+/g)],
  )
  t.ok(alarms.length > 25)
  const withoutRule = alarms
    .map(([name]) => name)
    .filter((name) => !rules.some(({ expr }) => expr.includes(name)))
  t.strictSame(withoutRule, [], 'what operators are told to watch is a rule')
  t.end()
})

t.test('every operation of our APIs has checks that compile', async (t) => {
  for (const name of ['central-registry-api', 'security-server-api', 'subject-keys-api', 'mandates']) {
    const document = parse(read(`schemas/${name}.yaml`), { maxAliasCount: -1 }) as OpenApiDocument
    const operations = readOperations(document)
    t.ok(operations.length > 4, name)
    // A process compiles a schema at the first call; this test finds those that do not compile.
    const validatorOf = inputValidatorsOf(document)
    for (const operation of operations) await t.resolves(validatorOf(operation), operation.id)
    const broken = { ...operations[0]!, id: 'broken', bodySchema: '/components/schemas/Absent' }
    await t.rejects(validatorOf(broken), /Absent/)
  }
})
