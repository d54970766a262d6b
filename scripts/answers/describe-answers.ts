/**
 * The schema of each operation's answer, from what its handler returns (schemas/answers/<api>.schemas.json).
 * The types of the code are the truth; tests hold answers of running servers against them.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { API, type Checker, type Project, type Type, type TypeReference } from 'typescript/unstable/sync'
import { parse } from 'yaml'
import { type OpenApiDocument, readOperations } from '#platform/http-service/openapi-operations.ts'
import { findReturned } from './find-handlers.ts'
import { writeJson } from './write-json.ts'
import { createSchemaWriter, type JsonSchema } from './write-schema.ts'

const ROOT = path.join(import.meta.dirname, '../..')

const APIS = {
  'security-server': ['security-server', 'platform'],
  'central-registry': ['central-registry', 'platform'],
  'subject-keys': ['security-server/subject-keys'],
} as const

type AnswerSchemas = {
  /** By operation. */
  answers: Record<string, JsonSchema>
  schemas: Record<string, JsonSchema>
}

type Described = { api: string; file: string; text: string; unknown: string[] }

/**
 * The texts of all files, and of which places the types say nothing. Throws Error for an operation without
 * handler.
 */
export function describeAnswers(): Described[] {
  const compiler = new API({ cwd: ROOT })
  try {
    const config = path.join(import.meta.dirname, 'tsconfig.json')
    const [project] = compiler.updateSnapshot({ openProjects: [config] }).getProjects()
    if (project === undefined) throw new Error(`${config} is no project`)
    return Object.entries(APIS).map(([api, rooms]) => describe(project, api, rooms))
  } finally {
    compiler.close()
  }
}

function describe(project: Project, api: string, rooms: readonly string[]): Described {
  const { checker } = project
  const text = readFileSync(path.join(ROOT, `schemas/${api}-api.yaml`), 'utf8')
  const document = parse(text, { maxAliasCount: -1 }) as OpenApiDocument
  const all = readOperations(document)
  const returned = findReturned(project, {
    root: ROOT,
    rooms,
    operations: new Set(all.map(({ id }) => id)),
  })
  const taken = new Set(Object.keys(document.components?.schemas ?? {}))
  const { schemaOf, named, unknown } = createSchemaWriter(checker, namesOf(checker, taken))
  const answers: Record<string, JsonSchema> = {}
  for (const { id, responseType } of all) {
    if (responseType !== 'application/json') continue
    const bodies = (returned.get(id) ?? []).flatMap((type) => bodiesOf(checker, type))
    const schemas = bodies.flatMap((type) => schemaOf(type, id) ?? [])
    if (schemas.length === 0) throw new Error(`no handler of ${id} returns anything`)
    const once = [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()]
    answers[id] = once.length === 1 ? once[0]! : { anyOf: once }
  }
  const schemas = Object.fromEntries([...named].sort(([a], [b]) => (a < b ? -1 : 1)))
  const file = path.join(ROOT, `schemas/answers/${api}.schemas.json`)
  return { api, file, text: writeJson({ answers, schemas } satisfies AnswerSchemas), unknown }
}

/** What a promise brings, and the body of an `answer(...)`. */
function bodiesOf(checker: Checker, type: Type): Type[] {
  if (type.isUnionType()) return type.getTypes().flatMap((part) => bodiesOf(checker, part))
  if (type.getSymbol()?.name === 'Promise')
    return checker.getTypeArguments(type as TypeReference).flatMap((part) => bodiesOf(checker, part))
  if (type.getAliasSymbol()?.name === 'RefusalBody') return []
  if (type.getAliasSymbol()?.name === 'Answer')
    return type.getAliasTypeArguments().flatMap((part) => bodiesOf(checker, part))
  return [type]
}

/** Names types as the code does, and by their folder too where several have one name. */
function namesOf(checker: Checker, taken: ReadonlySet<string>): (type: Type) => string | undefined {
  const owners = new Map<string, string>()
  return (type) => {
    const alias = type.getAliasSymbol()
    const symbol = alias ?? (type.isClassOrInterface() ? type.getSymbol() : undefined)
    if (symbol === undefined || type.getAliasTypeArguments().length > 0) return undefined
    const file = symbol.declarations[0]?.path ?? ''
    // What the language and packages declare is written out.
    if (file.includes('/node_modules/') || (!file.startsWith(ROOT.toLowerCase()) && !file.startsWith(ROOT)))
      return undefined
    if (checker.getPropertyOfType(type, 'toJSON') !== undefined) return undefined
    const folder = path
      .basename(path.dirname(file))
      .replace(/(?:^|-)(\w)/g, (_, sign: string) => sign.toUpperCase())
    const tries = [
      symbol.name,
      `${folder}${symbol.name}`,
      `${symbol.name}Answer`,
      `${folder}${symbol.name}Answer`,
    ]
    const own = `${file} ${symbol.name}`
    for (const name of tries) {
      if (taken.has(name) || (owners.has(name) && owners.get(name) !== own)) continue
      owners.set(name, own)
      return name
    }
    return undefined
  }
}
