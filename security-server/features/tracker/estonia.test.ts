/**
 * What we answer below `/v2` against the description that Estonia published of its data tracker protocol, and
 * our own description against it.
 */
import { readFileSync } from 'node:fs'
import { Ajv2020 as Ajv } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import t from 'tap'
import { parse } from 'yaml'
import { createTrackerWorld } from './tracker-fixture.ts'

type Schema = { type?: string; format?: string; default?: unknown; minimum?: number; maximum?: number }
type Parameter = { $ref?: string; name: string; in: string; required?: boolean; schema: Schema }
type Operation = { operationId: string; parameters?: Parameter[]; responses: Record<string, Answer> }
type Answer = { content?: { 'application/json'?: { schema: object } } }
type Description = {
  info: { version: string }
  paths: Record<string, { get: Operation }>
  components: { schemas: object; parameters?: Record<string, Parameter> }
}

const read = (path: string): Description =>
  parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Description
const theirs = read('../../../test/vectors/andmejalgija/dumonitor-openapi.yaml')
const ours = read('../../../schemas/find-usage.yaml')
const PATHS = Object.keys(theirs.paths)
const PERSON = '131052-308T'
const CODE = `EE${PERSON}`

const ajv = new Ajv({ strict: false, allErrors: true })
formats.default(ajv)
ajv.addSchema({ $id: 'theirs', components: theirs.components })

/** By their description, whose references are within it. */
function whyNot(path: string, body: unknown): unknown {
  const schema = theirs.paths[path]!.get.responses['200']!.content!['application/json']!.schema
  const check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"theirs#/')) as object)
  return check(body) ? undefined : check.errors
}

t.test('our description takes each question that theirs names', (t) => {
  t.equal(theirs.info.version, '2.1.0')
  t.same(PATHS, ['/v2/findUsage', '/v2/usagePeriod', '/v2/heartbeat'])
  const named = ({ parameters = [] }: Operation, { components }: Description) =>
    parameters.map((one) =>
      one.$ref === undefined ? one : components.parameters![one.$ref.split('/').at(-1)!]!,
    )
  for (const path of PATHS) {
    const [asked, told] = [theirs.paths[path]!.get, ours.paths[path]!.get]
    t.equal(told.operationId, asked.operationId)
    t.same(Object.keys(told.responses), Object.keys(asked.responses), `${path}: the same statuses`)
    const own = named(told, ours)
    for (const { name, in: where, required = false, schema } of named(asked, theirs)) {
      const same = own.find((one) => one.name === name && one.in === where)
      t.ok(same, `${path} takes ${name} in ${where}`)
      t.equal(same?.required ?? false, required, name)
      t.match(same?.schema, { type: schema.type }, name)
      t.equal(same?.schema.default, schema.default, name)
      if (schema.format === 'int32') t.equal(same?.schema.maximum, undefined, `${name} has no largest value`)
    }
    const more = own.filter(({ name }) => !named(asked, theirs).some((one) => one.name === name))
    t.same(
      more.filter(({ required }) => required === true),
      [],
      'and wants nothing more',
    )
  }
  t.end()
})

t.test('each answer is one of theirs', async (t) => {
  const world = await createTrackerWorld(t)
  const { use, ask, index } = world
  for (let i = 0; i < 5; i++) await use(PERSON)
  await index()
  const mine = (query = '') => ask(`/v2/findUsage?userCode=${CODE}${query}`, { userId: CODE })
  const now = new Date(world.now.at).toISOString()
  const good = [
    ...['', '&offset=0&limit=10', '&limit=2', '&limit=1000', '&limit=1001', '&limit=5000'],
    ...['&limit=2147483647', '&offset=2147483647', '&offset=3&limit=2147483647'],
    ...['&periodStart=2021-01-31T10:20:30Z', `&periodEnd=${now}`],
    ...['&periodStart=2021-01-31T10:20:30%2B02:00&periodEnd=2099-01-31T10:20:30.5Z'],
  ]
  for (const query of good) {
    const { status, body } = await mine(query)
    t.equal(status, 200, query)
    t.equal(whyNot('/v2/findUsage', body), undefined, query)
  }
  // Whoever asks for so many takes a shorter page for the last one.
  t.match((await mine('&limit=5000')).body, { totalUsages: 5, usages: { length: 5 } })
  const paged: unknown[] = []
  for (let page: unknown[] = [0, 0]; page.length === 2; ) {
    const { body } = await mine(`&limit=2&offset=${paged.length}`)
    t.equal(body['totalUsages'], 5, 'whatever the page')
    page = body['usages'] as unknown[]
    paged.push(...page)
  }
  t.same(paged, (await mine()).body['usages'], 'each once, in the same order')

  await world.store.setRule('DEV/GOV/1234/population', {
    ...{ service: 'DEV/GOV/1234/population/persons', isGeneral: true, words: { en: 'A question' } },
  })
  t.equal(whyNot('/v2/findUsage', (await mine()).body), undefined, 'in general terms')
  const nobody = await ask('/v2/findUsage?userCode=EE999', { userId: 'EE999' })
  t.equal(whyNot('/v2/findUsage', nobody.body), undefined)
  for (const path of ['/v2/usagePeriod', '/v2/heartbeat']) {
    const { status, body } = await ask(path)
    t.equal(status, 200)
    t.equal(whyNot(path, body), undefined, path)
  }
  const { state, evaluateLookUp } = world.holder
  world.holder.state = () => Promise.reject(new Error('away'))
  const failing = await ask('/v2/heartbeat')
  t.match(failing, { status: 200, body: { status: 'FAIL' } })
  t.equal(whyNot('/v2/heartbeat', failing.body), undefined)
  Object.assign(world.holder, { state, evaluateLookUp })
  for (const query of ['&limit=0', '&limit=-1', '&limit=x', '&offset=-1', '&periodStart=17', '&periodEnd=x'])
    t.equal((await mine(query)).status, 400, query)
  t.equal(
    (await ask(`/v2/findUsage?userCode=${CODE}`, { userId: '' })).status,
    400,
    'X-Road-UserId is required',
  )
  t.equal((await ask('/v2/findUsage', { userId: CODE })).status, 400, 'userCode is required')
})

t.test('the check finds what is not theirs', (t) => {
  const row = { logtime: '2026-11-29T10:00:00.000Z', action: 'a', receiverCode: '1', receiverSystem: 's' }
  const found = (usage: object): unknown => whyNot('/v2/findUsage', { totalUsages: 1, usages: [usage] })
  t.equal(found(row), undefined)
  t.ok(found({ ...row, receiverSystem: undefined }))
  t.ok(found({ ...row, logtime: '2026-11-29 10:00' }))
  t.ok(whyNot('/v2/findUsage', { totalUsages: 2 ** 31, usages: [] }))
  t.ok(whyNot('/v2/heartbeat', { status: 'ok' }))
  t.ok(whyNot('/v2/usagePeriod', {}))
  t.end()
})
