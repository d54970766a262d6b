/**
 * The pages of the documents: every link leads to an existing page and heading, and the search works in a
 * browser without a network. The pages of the management APIs.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { type ApiDocument, addAnswers, METHODS } from '#console/reference/add-answers.ts'
import { API_PAGES } from '#console/reference/pages.ts'
import { writePage } from '#console/reference/write-page.ts'
import { neededKeys, sourcesOf } from '#console/texts/needed-texts.ts'
import { openAnswerChecks } from '#test/answer-checks.ts'
import { hasChromium, openBrowser } from '#test/browser.ts'
import { skipFor } from '#test/outside-tools.ts'

const output = mkdtempSync(path.join(tmpdir(), 'concordat-docs-'))
t.teardown(() => rmSync(output, { recursive: true, force: true }))
const concordat = (...args: string[]) =>
  spawnSync(path.join(import.meta.dirname, 'concordat'), ['docs', ...args], { encoding: 'utf8' })

t.test('the command', (t) => {
  t.equal(concordat('--nonsense').status, 2)
  t.match(concordat('--help'), { status: 0, stdout: /--output/ })
  const made = concordat('--output', path.join(output, 'pages'))
  t.match(made, { status: 0, stdout: /pages: open .*README\.html/ })
  t.equal(concordat('--output', path.join(output, 'pages')).status, 0, 'and once more')
  t.end()
})

t.test('links between pages lead to pages and headings', (t) => {
  const root = path.join(output, 'pages')
  const pages = globSync('**/*.html', { cwd: root })
  t.ok(pages.length > 100)
  const twice = pages.filter((page) => {
    const ids = [...readFileSync(path.join(root, page), 'utf8').matchAll(/ id="([^"]+)"/g)].map(
      ([, id]) => id,
    )
    return new Set(ids).size < ids.length
  })
  t.strictSame(twice, [], 'no two headings of a page have one address')
  const idsOf = (file: string): Set<string> =>
    new Set([...readFileSync(file, 'utf8').matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!))
  const dead = pages.flatMap((page) => {
    const text = readFileSync(path.join(root, page), 'utf8')
    return [...text.matchAll(/href="([^":]*\.html)(?:#([^"]*))?"/g)].flatMap(([, target = '', anchor]) => {
      const at = path.join(root, path.dirname(page), target)
      const isThere = existsSync(at) && (anchor === undefined || idsOf(at).has(decodeURIComponent(anchor)))
      return isThere ? [] : [`${page}: ${target}#${anchor ?? ''}`]
    })
  })
  t.strictSame(dead, [])
  t.end()
})

t.test('the README is short, and its first screen shows how to start and how to call', (t) => {
  const lines = readFileSync(path.join(import.meta.dirname, '../README.md'), 'utf8')
    .trimEnd()
    .split('\n')
  t.ok(lines.length <= 120, `it has ${lines.length} lines`)
  const screen = lines.slice(0, 30).join('\n')
  t.match(screen, /^npm start\b/m)
  t.match(screen, /^curl /m)
  t.end()
})

t.test('each attack has tests of the names that the page gives', (t) => {
  const read = (file: string): string => readFileSync(path.join(import.meta.dirname, '..', file), 'utf8')
  const named = read('docs/attacks-on-people.md').matchAll(/\]\(\.\.\/([^)]+\.test\.ts)\)((?:,? "[^"]+")+)/g)
  const all = [...named].flatMap(([, file = '', titles = '']) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title })),
  )
  t.ok(all.length > 40)
  const missing = all.filter(({ file, title }) => !read(file).includes(`'${title.replaceAll("'", "\\'")}'`))
  t.strictSame(missing, [])
  t.end()
})

t.test('the acts that take two people stand on their page, by kind', (t) => {
  const read = (file: string): string => readFileSync(path.join(import.meta.dirname, '..', file), 'utf8')
  const { paths } = parse(read('schemas/security-server-api.yaml'), { maxAliasCount: -1 }) as {
    paths: Record<string, Record<string, { operationId?: string; 'x-four-eyes'?: string }>>
  }
  const marked = Object.values(paths).flatMap((item) =>
    Object.values(item).filter((one) => one['x-four-eyes'] !== undefined),
  )
  const [, list = ''] = read('docs/people.md').split('| kind | acts |')
  const rows = [...list.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)]
  t.ok(rows.length > 5)
  t.strictSame(
    Object.fromEntries(
      rows.map(([, kind = '', acts = '']) => [
        kind,
        [...acts.matchAll(/`(\w+)`/g)].map(([, id]) => id).sort(),
      ]),
    ),
    Object.fromEntries(
      Object.entries(Object.groupBy(marked, (one) => one['x-four-eyes']!))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([kind, some = []]) => [kind, some.map(({ operationId }) => operationId).sort()]),
    ),
  )
  t.end()
})

t.test(
  "each page of ours beside X-Road's is one of the consoles, and each function has a page or says why not",
  (t) => {
    const read = (file: string): string => readFileSync(path.join(import.meta.dirname, '..', file), 'utf8')
    const [, server = '', central = ''] = read('docs/x-road-ui-functions.md').split(/^## .*$/m)
    for (const [console, part] of Object.entries({ agency: server, registry: central })) {
      const pages = [...read(`console/${console}/pages.ts`).matchAll(/\bpage\(\s*'([^']+)'/g)].map(
        ([, at]) => at,
      )
      const rows = part.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith("| X-Road's"))
      t.ok(rows.length > 20, console)
      for (const row of rows) {
        const [, name = '', , ours = ''] = row.split('|').map((cell) => cell.trim())
        const named = [...ours.matchAll(/`(\/[\w/:-]*)`/g)].map(([, at]) => at!)
        t.strictSame(
          named.filter((at) => !pages.includes(at)),
          [],
          `${console}: ${name}`,
        )
        t.ok(
          named.length > 0 || /^(none( yet)?[:,]|the sign-in)/.test(ours),
          `${name} has a page or a reason`,
        )
      }
    }
    t.end()
  },
)

const CONSOLES = ['agency', 'registry']

/**
 * What the rows of tabs of a console say: of each entry its tabs, and of each tab that stands for several the
 * words of these.
 */
type Entry = { title: string; tabs: { words: string; side?: string }[] }

/** Reads `pages.ts` as it is formatted: an entry has eight spaces before it, a tab ten. */
function entriesOf(console: string): Entry[] {
  const source = readFileSync(path.join(import.meta.dirname, `../console/${console}/pages.ts`), 'utf8')
  const keyIn = (part: string, name: string): string | undefined =>
    new RegExp(`\\b${name}: '([^']+)'`).exec(part)?.[1]
  return source
    .split(/^ {8}(?=title: ')/m)
    .slice(1)
    .map((entry) => ({
      title: keyIn(entry, 'title')!,
      tabs: entry
        .split(/^ {10}(?=\{|page\()/m)
        .slice(1)
        .map((tab) => {
          const own = keyIn(tab, 'short') ?? /page\(\s*'[^']+',\s*'([^']+)'/.exec(tab)![1]!
          const together = keyIn(tab, 'together')
          return together === undefined ? { words: own } : { words: together, side: own }
        }),
    }))
}

/** Names of X-Road's pages that are also the beginning of one of ours. */
const NOT_OURS = ['Security server TLS key', 'Connection testing']
/** What the sandbox's own people and contracts are called. */
const NAMES_OF_THE_SANDBOX = [
  ...['Tax assessment', 'Help at a counter'],
  ...['Who may act for Midvale Timber', 'May see who used my data'],
]

void t.test('a place in a console that a document or a text names is there', async (t) => {
  const root = path.join(import.meta.dirname, '..')
  const textsOf = (language: string): Record<string, string> =>
    JSON.parse(readFileSync(path.join(root, `console/texts/${language}.json`), 'utf8')) as Record<
      string,
      string
    >
  const consoles = CONSOLES.map(entriesOf)
  t.ok(consoles.flat().length > 15)
  t.ok(consoles.flat().flatMap(({ tabs }) => tabs).length > 60)

  /**
   * Whether "Settings, People and API keys, People" leads to something: an entry, a tab, one of those under
   * it, or an act there.
   */
  const leads = (place: string[], texts: Record<string, string>): boolean => {
    const [entry, tab, ...rest] = place
    const known = new Set(Object.values(texts))
    const inSome = consoles.filter((entries) => entries.some(({ title }) => texts[title] === entry))
    return (
      inSome.length === 0 ||
      inSome.some((entries) => {
        const tabs = entries.find(({ title }) => texts[title] === entry)!.tabs
        const others = entries.flatMap((one) => one.tabs).flatMap(({ words, side }) => [words, side ?? words])
        const there = tabs.filter(({ words }) => texts[words] === tab)
        if (there.length === 0) return known.has(tab!) && !others.some((key) => texts[key] === tab)
        const sides = there.flatMap(({ side }) => side ?? [])
        const isSide = rest.length === 0 || sides.length === 0 || sides.some((key) => texts[key] === rest[0])
        return isSide && rest.every((one) => known.has(one))
      })
    )
  }

  const english = textsOf('en')
  const documents = [...globSync('docs/**/*.md', { cwd: root }), 'README.md', 'SECURITY.md']
  const named = documents.flatMap((file) => {
    const source = readFileSync(path.join(root, file), 'utf8')
    return [...source.matchAll(/(?<![*\w])\*[^*\s][^*]*\*(?!\*)(?:,\s+\*[^*]+\*(?!\*))*/g)].map(([all]) => ({
      file,
      place: all
        .replaceAll(/\s+/g, ' ')
        .split(/\*, \*| [›>] /)
        .map((one) => one.replaceAll('*', '')),
    }))
  })
  const places = named.filter(({ place }) => place.length > 1)
  t.ok(places.length > 40)
  t.strictSame(
    places.filter(({ place }) => !NOT_OURS.includes(place[1]!) && !leads(place, english)),
    [],
  )
  t.strictSame(
    named.filter(({ place: [only = ''] }) => {
      const [entry, after] = only.split(', ')
      return after !== undefined && consoles.flat().some(({ title }) => english[title] === entry)
    }),
    [],
    'each name has stars of its own',
  )
  const portal = JSON.parse(readFileSync(path.join(root, 'adapters/portal/texts/en.json'), 'utf8')) as object
  const bare = (words: string): string => words.replace(/[.?]$/, '')
  const shown = new Set([...Object.values(english), ...Object.values(portal)].map(bare))
  const told = named
    .filter(({ file }) => file.startsWith('docs/tours/'))
    .flatMap(({ place }) => place)
    .filter((name) => /^\p{Lu}[\p{L}\p{N} ’-]+[.?]?$/u.test(name) && !NAMES_OF_THE_SANDBOX.includes(name))
  t.ok(told.length > 30, `${told.length} names`)
  t.strictSame(
    told.filter((name) => !shown.has(bare(name))),
    [],
    'what a tour tells to press stands on a page',
  )
  for (const console of CONSOLES) {
    const entries = entriesOf(console)
    const keys = neededKeys(await sourcesOf(console), Object.keys(english))
    for (const language of ['en', 'es', 'et', 'fi', 'uk']) {
      const texts = textsOf(language)
      const wrong = keys.filter((key) =>
        entries.some(({ title, tabs }) => {
          const after = new RegExp(`(?<!\\p{L})${texts[title]}, (\\p{Lu}[^.,;)]+)`, 'u').exec(
            texts[key] ?? '',
          )
          return after !== null && !tabs.some(({ words }) => texts[words] === after[1])
        }),
      )
      t.strictSame(wrong, [], `${console}, ${language}`)
    }
  }
})

/**
 * How the consoles call an operation; the contents, which only say what a page needs, name it in another way.
 */
const CALLED =
  /\boperation(?:=|: )["'](\w+)["']|\b(?:useAnswer|call|download|finder|askedTogether)(?:<[^()]*>)?\(\s*'(\w+)'|\boperation = \w+ \? '(\w+)' : '(\w+)'/g

t.test(
  'each operation of a management API is called by a page of its console, or the list says why not',
  (t) => {
    const root = path.join(import.meta.dirname, '..')
    const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
    const importedBy = (file: string, found = new Set<string>()): Set<string> => {
      if (found.has(file)) return found
      found.add(file)
      for (const [, to] of read(file).matchAll(/(?:from|import\()\s*'(\.[^']+\.tsx?)'/g))
        importedBy(path.join(path.dirname(file), to!), found)
      return found
    }
    const [, list = ''] = read('docs/x-road-ui-functions.md').split('## Operations without a page')
    const rows = [...list.matchAll(/^\| ([a-z, ]+) \| (`.*`) \| (.+) \|$/gm)]
    const apis = { agency: 'security-server', registry: 'central-registry' }
    for (const [console, api] of Object.entries(apis)) {
      const files = importedBy(`console/${console}/main.tsx`)
      t.ok(files.size > 100, console)
      const named = new Set(
        [...files].flatMap((file) => [...read(file).matchAll(CALLED)].flatMap(([, ...names]) => names)),
      )
      const { paths } = parse(read(`schemas/${api}-api.yaml`), { maxAliasCount: -1 }) as ApiDocument
      const operations = Object.values(paths).flatMap((item) =>
        METHODS.flatMap((one) => item[one]?.operationId ?? []),
      )
      t.ok(operations.length > 100, api)
      const excused = rows.flatMap(([, consoles = '', names = '']) =>
        consoles.split(', ').includes(console) ? [...names.matchAll(/`(\w+)`/g)].map(([, one]) => one!) : [],
      )
      t.strictSame(
        operations.filter((one) => !named.has(one)).sort(),
        excused.sort(),
        `${console}: what no page calls is what the list excuses`,
      )
    }
    t.end()
  },
)

t.test(
  'the pages of the APIs: each answer has a schema and an example that meets it, and no secret is in one',
  async (t) => {
    const schemas = path.join(import.meta.dirname, '../schemas')
    for (const about of API_PAGES) {
      const name = about.api
      const json = (of: string) => JSON.parse(readFileSync(path.join(schemas, `answers/${of}.json`), 'utf8'))
      const [answers, ofAnswers] = [json(name), json(`${name}.schemas`)]
      const read = parse(readFileSync(path.join(schemas, `${name}-api.yaml`), 'utf8'), { maxAliasCount: -1 })
      const { document, missing } = addAnswers(read as ApiDocument, {
        examples: answers,
        schemas: ofAnswers,
      })
      t.strictSame(missing, [], name)
      const operations = Object.values(document.paths).flatMap((item) =>
        METHODS.flatMap((one) => item[one] ?? []),
      )
      const known = operations.map(({ operationId }) => operationId)
      t.strictSame(
        Object.keys(answers).filter((one) => !known.includes(one)),
        [],
        'no answer is left of an operation that went',
      )
      const checks = openAnswerChecks(ofAnswers)
      for (const [id, example] of Object.entries(answers))
        t.strictSame(checks.problemsOf(id, example), [], id)
      t.notMatch(JSON.stringify(answers), /PRIVATE KEY|"(secret|pin|csrfToken|password)":"(?!shown-once)/i)
      const page = writePage(document, { base: '/console/', page: about, others: [] })
      const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
      t.equal(new Set(ids).size, ids.length, 'no id twice')
      const dead = [...page.matchAll(/href="#([^"]+)"/g)].filter(([, id]) => !ids.includes(id))
      t.strictSame(dead, [])
      t.notMatch(page, /<script|style=|src=|href="http/)
      t.equal([...page.matchAll(/<details /g)].length, operations.length)
    }
    const hostile = '<img src=x onerror=alert(1)>"\'&`'
    const operation = { operationId: 'a', summary: hostile, 'x-roles': [hostile], responses: { 200: {} } }
    const paths = { [`/${hostile}`]: { get: operation } }
    const info = { title: hostile, description: hostile }
    const [about] = API_PAGES
    const page = writePage(
      { info, servers: [], paths, components: { schemas: {}, responses: {} } },
      {
        base: '/',
        page: { ...about!, needs: hostile, call: hostile },
        others: [{ name: 'a', title: hostile }],
      },
    )
    t.notMatch(page, /<img/)
    t.end()
  },
)

/** As soon as the field is there, which the scripts stand behind. */
const TYPES_AT_ONCE = `new MutationObserver((_, observer) => {
  const field = document.getElementById('q')
  if (field === null) return
  observer.disconnect()
  field.value = 'legal hold'
}).observe(document, { childList: true, subtree: true })`

void t.test('the search, in Chromium', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const chromium = await openBrowser()
  const page = await chromium.newPage()
  t.teardown(() => page.close())
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).protocol))
  await page.goto(pathToFileURL(path.join(output, 'pages/docs/README.html')).href)
  await page.getByLabel('Search').fill('legal hold')
  await page.locator('#found a').filter({ hasText: 'Retention' }).first().click()
  await page.waitForURL(/docs\/retention\.html/)
  await page.getByRole('main').getByText('hold').first().waitFor()
  await page.getByLabel('Search').fill('<img src=x onerror=alert(1)> zzz')
  await page
    .locator('#found')
    .getByText('Nothing was found for "<img src=x onerror=alert(1)> zzz".', { exact: true })
    .waitFor()
  t.strictSame([...new Set(asked)], ['file:'], 'nothing asks a network')
})

void t.test('what a reader typed before the search was ready is searched for', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const page = await (await openBrowser()).newPage()
  t.teardown(() => page.close())
  await page.addInitScript({ content: TYPES_AT_ONCE })
  await page.goto(pathToFileURL(path.join(output, 'pages/docs/README.html')).href)
  await page.locator('#found a').filter({ hasText: 'Retention' }).first().waitFor()
  t.equal(await page.getByLabel('Search').inputValue(), 'legal hold')
})
