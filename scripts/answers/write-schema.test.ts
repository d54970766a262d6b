/** Which form a value gets in the schemas of answers: what its type says, and never more. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { API } from 'typescript/unstable/sync'
import { createSchemaWriter, type JsonSchema } from './write-schema.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const SOURCE = `
import { randomUUID } from 'node:crypto'
import type { Json, Time, Uuid, Whole } from '${ROOT}/schemas/sent-values.ts'

declare const row: { at: Time; ended_at: Time | null; count: Whole; id: Uuid; created_at: string; size: number }
declare const isKnown: boolean

export const sent = {
  written: new Date(0).toISOString(),
  date: new Date(0),
  read: row.at,
  mayBeNull: row.ended_at,
  orEmpty: isKnown ? new Date(0).toISOString() : '',
  orReadOrEmpty: isKnown ? row.at : '',
  orAnyText: isKnown ? row.at : row.created_at,
  day: new Date(0).toISOString().slice(0, 10),
  created_at: row.created_at,
  whole: row.count,
  half: row.count / 2,
  size: row.size,
  drawn: randomUUID(),
  id: row.id,
  longer: \`\${row.id}-1\`,
  foreign: JSON.parse('null') as Json,
  list: [row.count],
}
`

t.test('a form comes from the type alone', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'write-schema-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'sent.ts')
  writeFileSync(file, SOURCE)
  const config = path.join(folder, 'tsconfig.json')
  const compilerOptions = { typeRoots: [path.join(ROOT, 'node_modules/@types')] }
  const settings = { extends: path.join(ROOT, 'tsconfig.json'), compilerOptions, include: [], files: [file] }
  writeFileSync(config, JSON.stringify(settings))
  const compiler = new API({ cwd: folder })
  t.teardown(() => compiler.close())
  const [project] = compiler.updateSnapshot({ openProjects: [config] }).getProjects()
  const { checker, program } = project!
  const source = program.getSourceFile(file)!
  const module = checker.getSymbolAtLocation(source)!
  const [sent] = checker.getExportsOfModule(module)
  const { schemaOf, named, unknown } = createSchemaWriter(checker, () => undefined)
  const { properties = {}, required = [] } = schemaOf(checker.getTypeOfSymbol(sent!)!, 'sent') as JsonSchema
  const time = { type: 'string', format: 'date-time' }
  const uuid = { type: 'string', format: 'uuid' }
  const text = { type: 'string' }
  t.strictSame(properties, {
    ...{ written: time, date: time, read: time },
    mayBeNull: { ...time, type: ['string', 'null'] },
    ...{ orEmpty: text, orReadOrEmpty: text, orAnyText: text, day: text, created_at: text },
    ...{ whole: { type: 'integer' }, half: { type: 'number' }, size: { type: 'number' } },
    ...{ drawn: uuid, id: uuid, longer: text },
    foreign: { $ref: '#/components/schemas/Json' },
    list: { type: 'array', items: { type: 'integer' } },
  })
  t.strictSame(required, Object.keys(properties))
  t.strictSame([...named.keys()], ['Json'])
  t.strictSame(unknown, [])
})
