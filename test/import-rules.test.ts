/** The house rules as a failing test: who imports whom, one door each, sizes, names, READMEs, links. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { findWideComments } from './house/comments.ts'
import { findCycles } from './house/cycles.ts'
import { DOORS, misusers, withoutComments } from './house/doors.ts'
import { functionsOf, tooLong } from './house/function-sizes.ts'
import { circlesOf, planOf } from './house/plan.ts'
import { IMPURE_CODE, IMPURE_IMPORTS, innerRoomsOf, whyNot } from './house/room-rules.ts'
import { importsOf, isForTests, listFiles, ROOT, readSources } from './house/source-files.ts'
import { findUnusedExports } from './house/unused-exports.ts'
import { findWaits, NO_WAITS, WAITS } from './house/waits.ts'

const files = listFiles()
const sources = readSources(files)
const product = sources.filter(({ name }) => !isForTests(name))

t.test('every import leads to a file, in the form that the house uses', (t) => {
  const wrong = sources.flatMap(({ name, imports }) =>
    imports.flatMap(({ from, file }) => {
      if (file === undefined) return []
      const leaves = from.startsWith('.') && file.split('/')[0] !== name.split('/')[0]
      if (leaves) return [`${name}: write ${from} with #`]
      return existsSync(path.join(ROOT, file)) ? [] : [`${name}: ${from} does not exist`]
    }),
  )
  t.strictSame(wrong, [])
  t.end()
})

t.test('rooms import only the rooms below them', (t) => {
  const wrong = sources.flatMap(({ name, imports }) =>
    imports.flatMap(({ file }) => {
      const why = file === undefined ? undefined : whyNot(name, file, isForTests(name))
      return why === undefined ? [] : [`${name} -> ${file}: ${why}`]
    }),
  )
  t.strictSame(wrong, [])
  t.strictSame(findCycles(sources), [], 'no circles')
  for (const top of ['security-server', 'central-registry', 'core', 'platform']) {
    const { rooms, floors, arrows } = planOf(top, sources)
    t.comment(`${top}: ${rooms} rooms on ${floors} floors, ${arrows} arrows`)
  }
  t.strictSame(circlesOf(product), [], 'no circles of files, types included')
  t.end()
})

t.test('every export has a user', (t) => {
  t.strictSame(findUnusedExports(sources), [])
  t.end()
})

t.test('one door each', (t) => {
  for (const door of DOORS) t.strictSame(misusers(door, product), [], door.what)
  // Written so that this file does not contain what it forbids. biome finds an open type (any).
  const silenced = sources.filter(({ text }) => /@ts-(ignor[e]|expect-erro[r]|nochec[k])/.test(text))
  t.strictSame(
    silenced.map(({ name }) => name),
    [],
    'no type error is silenced',
  )
  t.end()
})

t.test('tests wait by until.ts alone', (t) => {
  t.strictSame(findWaits(sources.filter(({ name }) => isForTests(name))), [])
  t.end()
})

t.test('nothing goes where the environment says', (t) => {
  // NODE_USE_ENV_PROXY makes Node route all undici requests through the environment's proxy, unless they have
  // a dispatcher of their own.
  const asking = sources.filter(
    ({ name, text, imports }) =>
      !/\.test\.ts$|^test\/|^scripts\/(?:sandbox|bench)\//.test(name) &&
      imports.some(({ from, isType }) => from === 'undici' && !isType) &&
      /(?<![\w.])(?:request|boundedFetch)\(/.test(text),
  )
  t.ok(asking.length > 10)
  t.strictSame(
    asking.filter(({ text }) => !/\bdispatcher\b/.test(text)).map(({ name }) => name),
    [],
  )
  const bare = product.filter(({ text }) => /(?<![\w.])fetch\(.http/.test(withoutComments(text)))
  t.strictSame(
    bare.map(({ name }) => name),
    [],
  )
  t.end()
})

t.test('core is pure, rules are pure, schemas stand alone', (t) => {
  const core = product.filter(({ name }) => name.startsWith('core/'))
  const impure = core.flatMap(({ name, imports }) =>
    imports
      .filter(({ from, isType }) => !isType && IMPURE_IMPORTS.test(from))
      .map(({ from }) => `${name}: ${from}`),
  )
  t.strictSame(impure, [])
  t.strictSame(
    core.filter(({ text }) => IMPURE_CODE.test(withoutComments(text))).map(({ name }) => name),
    [],
  )
  const rules = product.filter(({ name }) => name.endsWith('/rules.ts'))
  const mixed = rules.flatMap(({ name, imports }) =>
    imports
      .filter(({ from, isType }) => !isType && /store|routes|platform|client/.test(from))
      .map(() => name),
  )
  t.strictSame(mixed, [])
  const schemas = product.filter(({ name }) => name.startsWith('schemas/'))
  const outside = schemas.flatMap(({ name, imports }) =>
    imports
      .filter(({ from }) => !from.startsWith('./') && from !== 'node:crypto')
      .map(({ from }) => `${name}: ${from}`),
  )
  t.strictSame(outside, [])
  t.end()
})

t.test('a mark of a message is made by the one step that may make it', (t) => {
  const steps = product
    .filter(({ name }) => /^security-server\/(message|peer|consumer|provider)\//.test(name))
    .map(({ name, text }) => ({ name: name.slice('security-server/'.length), text: withoutComments(text) }))
  const found = (pattern: RegExp): string[] =>
    steps.flatMap(({ name, text }) => [...text.matchAll(pattern)].map(([what]) => `${name}: ${what}`)).sort()
  // A symbol that is not exported: only with a cast could another file name it or make a value of its type.
  t.strictSame(found(/.*\bSymbol\(.*/g), [
    "consumer/accept.ts: const ofOperator = Symbol('of the operator')",
    "consumer/check-access.ts: const allowed = Symbol('allowed')",
    "peer/log-message.ts: const logged = Symbol('logged')",
    "peer/sign-message.ts: const signed = Symbol('signed')",
    "peer/verify-message.ts: const verified = Symbol('verified')",
    "provider/check-contract.ts: const allowed = Symbol('allowed')",
  ])
  t.strictSame(found(/\bas (?:Signed|Logged|Verified|Allowed|Covered|Intent|Received|Taken)\w*/g), [])
  t.strictSame(
    found(/\bas (?:unknown|never|any) as .*/g).filter((one) => !one.startsWith('peer/mutual-tls.ts')),
    [],
  )
  t.strictSame(found(/^.*\barrivalOfOperator\(.*$/gm), [
    'consumer/accept.ts: export function arrivalOfOperator(request: ClientRequest, codec: Codec): Arrival {',
    "consumer/send-for-operator.ts:       const arrival = arrivalOfOperator(request, protocol === 'REST' ? rest : soap)",
  ])
  const sure = found(/[\w\])]!(?=[.,;)\]\s])/g).filter((one) => !one.startsWith('peer/'))
  t.comment(`${sure.length} values of the message path are taken on trust: ${sure.join(', ')}`)
  t.ok(sure.length <= 9)
  t.end()
})

t.test('files keep to one concern', (t) => {
  const long = sources.filter(({ lines }) => lines > 400).map(({ name, lines }) => `${name}: ${lines} lines`)
  t.strictSame(long, [], 'none over 400 lines')
  t.strictSame(findWideComments(sources), [], 'no comment is wider than the code')
  const sizes = product.map(({ lines }) => lines).sort((a, b) => a - b)
  const atMost = (share: number): number => sizes[Math.floor(sizes.length * share)] ?? 0
  t.comment(`${sizes.length} files: half at most ${atMost(0.5)} lines, 9 of 10 at most ${atMost(0.9)}`)
  t.ok(atMost(0.5) <= 90, 'half of the files have at most 90 lines')
  t.ok(atMost(0.9) <= 220, '9 of 10 have at most 220')
  const unopened = product.filter(({ text }) => !/^([^\n]*\n){0,5}\/\*\*/.test(text)).map(({ name }) => name)
  t.strictSame(unopened, [], 'each opens with what it guarantees')
  t.strictSame(tooLong(product), [], 'no function over 120 lines, no factory over 200')
  const drawers = files.filter((name) => /(^|\/)(utils?|helpers?|common|misc|lib)(\/|\.)/.test(name))
  t.strictSame(drawers, [], 'no drawers')
  t.end()
})

const ROOMS = [
  'security-server',
  'central-registry',
  'adapters',
  'schemas',
  'certs',
  'core',
  'platform',
  'console',
]
const TOP = new Set([...ROOMS, 'scripts', 'test', 'docs', '.ci'])
const TOP_FILES =
  /^(README|ARCHITECTURE|CONTRIBUTING|SECURITY|CHANGELOG)\.md$|^LICENSE$|^package(-lock)?\.json$|^tsconfig\.json$|^biome\.json$|^\.(gitignore|gitattributes|npmrc|oxlintrc\.json)$/

t.test('top-level names are the given ones, and every room says what it is', (t) => {
  const top = new Set(files.map((name) => name.split('/')[0]!))
  const isFile = (name: string): boolean => statSync(path.join(ROOT, name)).isFile()
  t.strictSame(
    [...top].filter((name) => (isFile(name) ? !TOP_FILES.test(name) : !TOP.has(name))),
    [],
  )
  const rooms = new Set([
    ...[...top].filter((name) => [...ROOMS, 'scripts', 'test'].includes(name)),
    ...sources.flatMap(({ name }) => innerRoomsOf(name)),
  ])
  t.strictSame([...rooms].filter((room) => !files.includes(`${room}/README.md`)).sort(), [])
  t.end()
})

t.test('links in documents lead somewhere', (t) => {
  const dead = files
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => {
      const text = readFileSync(path.join(ROOT, name), 'utf8').replace(/```[\s\S]*?```/g, '')
      return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
        const [file = '', anchor] = target.split('#')
        if (/^[a-z]+:/.test(target)) return []
        const at = file === '' ? name : path.posix.join(path.posix.dirname(name), file)
        if (!existsSync(path.join(ROOT, at))) return [`${name}: ${target}`]
        return anchor === undefined || anchorsOf(at).has(anchor)
          ? []
          : [`${name}: ${target} (no such heading)`]
      })
    })
  t.strictSame(dead, [])
  t.end()
})

/** Matches `new URL('…', import.meta.url)` and `path.join(import.meta.dirname, '…')`. */
const FROM_HERE =
  /new URL\(\s*['"`](\.[^'"`$]*)[^)]*import\.meta\.url|import\.meta\.dirname,\s*['"`](\.[^'"`$]*)/g

t.test('no file names the host of a package registry', (t) => {
  // In parts, so that this file does not contain them.
  const hosts = ['registry.npmjs', 'registry.yarnpkg', 'deb.debian', 'pypi', 'static.crates'].map(
    (host) => new RegExp(`\\b${host.replace('.', '[.]')}[.](org|com|io)\\b`),
  )
  const textual = files.filter((name) => !/\.(png|ico|asice|zip|der|p12|tsr|bin)$/.test(name))
  const naming = textual.filter((name) => {
    const text = readFileSync(path.join(ROOT, name), 'utf8')
    return hosts.some((host) => host.test(text))
  })
  t.strictSame(naming, [])
  t.end()
})

t.test('no file names a path outside the repository', (t) => {
  // In parts, so that this file does not contain them.
  const outside = new RegExp(['shared/vector[s]', '[.][.]/share[d]', '/work/(?:shared|main|w)/'].join('|'))
  const naming = files.filter(
    (name) =>
      !/^test\/(?:vectors\/.|import-rules)/.test(name) &&
      outside.test(readFileSync(path.join(ROOT, name), 'utf8')),
  )
  t.strictSame(naming, [])
  const leaving = sources.flatMap(({ name, text }) =>
    [...withoutComments(text).matchAll(FROM_HERE)].flatMap(([, byUrl, byPath]) => {
      const to = path.posix.join(path.posix.dirname(name), byUrl ?? byPath ?? '')
      return to.startsWith('..') ? [`${name}: ${byUrl ?? byPath}`] : []
    }),
  )
  t.strictSame(leaving, [])
  const inRoot = sources.filter(({ text }) => /\bresolve\(\s*'\.\.[/']/.test(withoutComments(text)))
  t.strictSame(
    inRoot.map(({ name }) => name),
    [],
    'nothing is looked for above the working directory',
  )
  t.end()
})

t.test('these rules do catch what they forbid', (t) => {
  const text = `import { a } from '#security-server/main.ts'
    import type { B } from 'kysely'
    import {
      c,
    } from './c.ts'
    const d = await import('#core/x.ts')
    export * from './e.ts'
    import 'reflect-metadata'
    new Worker(new URL('./worker.ts', import.meta.url))
    const code = "import x from 'y'"`
  t.match(importsOf('platform/jobs/a.ts', text), [
    { from: '#security-server/main.ts', file: 'security-server/main.ts', isType: false },
    { from: 'kysely', isType: true },
    { file: 'platform/jobs/c.ts' },
    { file: 'platform/jobs/e.ts' },
    { from: 'reflect-metadata' },
    { file: 'core/x.ts' },
    { file: 'platform/jobs/worker.ts' },
  ])
  const refused: [string, string][] = [
    ['schemas/a.ts', 'core/b.ts'],
    ['core/a.ts', 'platform/b.ts'],
    ['platform/a.ts', 'certs/b.ts'],
    ['central-registry/a.ts', 'security-server/b.ts'],
    ['security-server/keys/a.ts', 'security-server/message-log/b.ts'],
    ['security-server/consumer/a.ts', 'security-server/provider/b.ts'],
    ['security-server/a.ts', 'security-server/main.ts'],
    ['security-server/keys/a.ts', 'security-server/config.ts'],
    ['security-server/keys/a.ts', 'security-server/features/exports/b.ts'],
    ['security-server/features/exports/a.ts', 'security-server/features/traffic/b.ts'],
    ['security-server/consumer/a.ts', 'security-server/features/exports/b.ts'],
    ['security-server/adapters.ts', 'adapters/a.ts'],
    ['adapters/kit/a.ts', 'adapters/sql/b.ts'],
    ['adapters/sql/a.ts', 'adapters/soap/b.ts'],
    ['adapters/sql/a.ts', 'certs/b.ts'],
    ['central-registry/members/a.ts', 'central-registry/servers/b.ts'],
    ['central-registry/features/fleet/a.ts', 'central-registry/features/contracts/b.ts'],
    ['platform/a.ts', 'test/b.ts'],
    ['console/registry/a.tsx', 'platform/b.ts'],
    ['console/kit/a.tsx', 'console/registry/b.tsx'],
    ['console/registry/a.tsx', 'console/security-server/b.tsx'],
    ['central-registry/a.ts', 'console/kit/b.ts'],
    ['platform/a.ts', 'platform/b-fixture.ts'],
  ]
  for (const [name, file] of refused) t.ok(whyNot(name, file, false), `${name} -> ${file}`)
  t.notOk(whyNot('security-server/consumer/a.ts', 'security-server/keys/b.ts', false))
  t.notOk(whyNot('security-server/features/exports/a.ts', 'security-server/message-log/tree/b.ts', false))
  t.notOk(whyNot('central-registry/main.ts', 'central-registry/features/fleet/b.ts', false))
  t.notOk(whyNot('console/registry/a.tsx', 'console/kit/b.tsx', false))
  t.notOk(whyNot('adapters/sql/a.ts', 'adapters/kit/b.ts', false))
  const trespasser = (from: string, text = '', name = 'platform/jobs/a.ts') => {
    const one = {
      name,
      text,
      lines: 1,
      imports: [{ from, file: undefined, isType: false }],
    }
    return DOORS.filter((door) => misusers(door, [one]).includes(one.name)).map(({ what }) => what)
  }
  t.strictSame(trespasser('kysely'), ['the database'])
  t.strictSame(trespasser('mysql2/promise'), ['the database'])
  t.strictSame(trespasser('undici'), ['outside HTTP'])
  t.strictSame(trespasser('libxml2-wasm'), ['libxml2'])
  t.strictSame(trespasser('node:fs', 'const a = b as unknown as A'), ['a type against the checker'])
  t.strictSame(trespasser('node:crypto', 'const key = createPrivateKey(pem)'), ['private keys'])
  t.strictSame(trespasser('node:fs', 'process.env.HOME // process.env'), ['the environment'])
  t.strictSame(trespasser('node:fs', '// process.env'), [])
  t.strictSame(trespasser('kysely', '', 'central-registry/registry.ts'), [], 'wiring')
  t.strictSame(trespasser('kysely', '', 'central-registry/changes/registry.ts'), ['the database'])
  t.strictSame(trespasser('', 'createPrivateKey(pem)', 'security-server/peer/a-key.ts'), ['private keys'])
  const waiting = (text: string): boolean =>
    findWaits([{ name: 'core/a.test.ts', text, lines: 1, imports: [] }]).length > 0
  for (const text of WAITS) t.ok(waiting(text), text)
  for (const text of NO_WAITS) t.notOk(waiting(text), text)
  const file = (name: string, to: string) => ({
    name,
    text: '',
    lines: 1,
    imports: [{ from: to, file: to, isType: false }],
  })
  const of = (name: string, text: string) => ({ name, text, lines: 1, imports: [] })
  const unused = (...texts: [string, string][]) =>
    findUnusedExports(texts.map(([name, text]) => of(name, text)))
  const both = 'export const a = 1\nexport type B = typeof a\nexport { c as d } from "./c.ts"'
  t.strictSame(unused(['core/a.ts', both]), [
    'core/a.ts: nobody imports a',
    'core/a.ts: nobody imports B or uses it',
    'core/a.ts: nobody imports d or uses it',
  ])
  const takes = "import { a, type B as C } from './a.ts'\nconst { d: e } = await import(A)".replace(
    'A',
    "'./a.ts'",
  )
  t.strictSame(unused(['core/a.ts', both], ['core/b.ts', takes]), [])
  t.strictSame(unused(['core/a.ts', both], ['core/b.ts', "import * as a from './a.ts'"]), [])
  t.strictSame(
    unused(['core/a.ts', both], ['core/a.test.ts', takes]),
    ['core/a.ts: only tests use B', 'core/a.ts: only tests use d'],
    'a test of what its own file uses does no harm',
  )
  t.strictSame(
    unused(['core/a-fixture.ts', both], ['core/a.test.ts', takes.replaceAll('a.ts', 'a-fixture.ts')]),
    [],
  )
  t.strictSame(findCycles([file('a', 'b'), file('b', 'c'), file('c', 'b')]), [['b', 'c', 'b']])
  t.strictSame(circlesOf([file('a', 'b'), file('b', 'c'), file('c', 'b')]), [['b', 'c']])
  const sized = (text: string) => functionsOf({ name: 'a.tsx', text })
  const inner = 'const b = () => {\n}'
  t.strictSame(sized(`function a() {\n${inner}\n}`), [
    { name: 'a', lines: 4, isFactory: false },
    { name: 'b', lines: 2, isFactory: false },
  ])
  const gives = (what: string) => sized(`const a = (): A => {\n${inner}\nreturn ${what}\n}`)[0]?.isFactory
  t.strictSame(['{ b }', '{ c() {} }', '{ ...{ b } }', '{ c: 1 }', 'b', '[b]'].map(gives), [
    ...[true, true, true],
    ...[false, false, false],
  ])
  t.match(sized('const a = { b: () => <p>{c}</p> }'), [{ name: 'b', lines: 1 }])
  t.strictSame(tooLong([{ ...of('a.ts', `function a() {${'\n'.repeat(130)}}`), lines: 131 }]), [
    'a.ts: a has 131 lines',
  ])
  const plan = [
    file('core/a/x.ts', 'core/b/x.ts'),
    file('core/b/x.ts', 'core/c/x.ts'),
    file('core/c/x.ts', ''),
  ]
  t.strictSame(planOf('core', plan), { rooms: 3, floors: 3, arrows: 2 })
  t.end()
})

function anchorsOf(file: string): Set<string> {
  const headings = readFileSync(path.join(ROOT, file), 'utf8').matchAll(/^#+ (.+)$/gm)
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-')
  return new Set([...headings].map(([, heading = '']) => slug(heading)))
}
