import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { haveSameTexts } from '#test/same-texts.ts'
import { firstSourcesOf, neededKeys, sourcesOf, untraceable } from './needed-texts.ts'

void t.test(
  'a console gets the texts that its sources name, and no key is named in a way that hides it',
  async (t) => {
    const keys = Object.keys(
      JSON.parse(readFileSync(path.join(import.meta.dirname, 'en.json'), 'utf8')) as object,
    )
    const needed = new Set<string>()
    for (const console of ['registry', 'agency']) {
      const sources = await sourcesOf(console)
      for (const source of sources)
        t.strictSame(untraceable(source, keys), [], `${console}: ${source.slice(0, 80)}`)
      for (const key of neededKeys(sources, keys)) needed.add(key)
    }
    t.strictSame(
      keys.filter((key) => !needed.has(key)),
      [],
      'a text that nobody shows',
    )
    const some = ['a.b', 'a.b.c', 'n_one', 'n_other', 'p.x', 'p.y.z', 'q']
    const hole = '$' + '{what}'
    t.same(neededKeys([`text('a.b') + text("n", { count })`], some), ['a.b', 'n_one', 'n_other'])
    t.same(neededKeys([`text(\`p.${hole}\`)`, `\`${hole}-b\``], some), ['p.x', 'p.y.z'])
    t.same(neededKeys([`text('a.b')`, `textIfAny(\`${hole}.c\`)`], some), ['a.b', 'a.b.c'], 'with an ending')
    t.same(untraceable(`text(name as TextKey)`, some), ['text(name as TextKey'])
    t.same(untraceable(`text(\`p.${hole}\` as TextKey)`, some), [])
    t.same(untraceable(`\`${hole}.b\`, \`${hole}-${hole}\`, \`${hole}.html\``, some), [])
    t.same(untraceable(`text(\`${hole}.${hole}\`)`, some), [`\`${hole}.${hole}\``])
  },
)

void t.test('the first page has texts of its own, and those of other pages come with them', async (t) => {
  for (const [console, own, other] of [
    ['agency', 'home.title', 'told.lead'],
    ['registry', 'overview.title', 'servers.addConsequence'],
  ] as const) {
    const [first, all] = [await firstSourcesOf(console), await sourcesOf(console)]
    t.same(neededKeys(first, [own, other, 'frame.skip']), [own, 'frame.skip'], console)
    t.same(neededKeys(all, [other]), [other])
    t.same(
      first.filter((source) => !all.includes(source)),
      [],
      `${console}: sources of its own and of the kit`,
    )
  }
})

void t.test('every language has every text, with the same names to fill in, and no other', (t) => {
  const read = (language: string): Record<string, string> =>
    JSON.parse(readFileSync(path.join(import.meta.dirname, `${language}.json`), 'utf8')) as Record<
      string,
      string
    >
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.json'))
  t.same(
    files.sort(),
    ['en', 'es', 'et', 'fi', 'uk'].map((language) => `${language}.json`),
  )
  const others = files.map((name) => name.replace('.json', '')).filter((language) => language !== 'en')
  haveSameTexts(t, read('en'), Object.fromEntries(others.map((language) => [language, read(language)])))
  t.end()
})
