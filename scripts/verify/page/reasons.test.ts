/**
 * The page that verifies says its reasons in the reader's language, by the rows that are built into it; in
 * Chromium, from a file, offline.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { zipOf } from '#core/container/zip-fixture.ts'
import { hasChromium, openBrowser, visitor } from '#test/browser.ts'
import { wordsSaid } from '#test/house/words-said.ts'
import { skipFor } from '#test/outside-tools.ts'
import { builtPage } from './page-fixture.ts'

const FOLDER = path.join(import.meta.dirname, '../../../test/vectors/x-road')
/** What says something of evidence only, all of which the page can verify. */
const SAY_VERDICTS =
  /^scripts\/verify\/verify-(?:use|export)\.ts$|^core\/(?:archive|evidence-bundle\/judge|log-export\/judge)/

const page = await builtPage(t)

t.test('the words of verdicts are in the page in every language, and those of servers are not', (t) => {
  const html = readFileSync(page.file, 'utf8')
  const has = (english: string): boolean => html.includes(`${JSON.stringify(english)}:[`)
  const lacking = [...wordsSaid()].filter(
    ([english, files]) =>
      /\p{L}/u.test(english) && files.some((file) => SAY_VERDICTS.test(file)) && !has(english),
  )
  t.strictSame(lacking, [])
  t.notOk(has('there is no such export'))
  t.end()
})

t.test('reasons are in the language of the reader, and the words of files stay text', async (t) => {
  if (!hasChromium()) return skipFor(t, 'chromium is missing: apt-get install chromium')
  const folder = path.dirname(page.file)
  const containers = path.join(FOLDER, 'containers')
  const shared = path.join(containers, 'globalconf_good2_v3/DEV/shared-params.xml')
  const script = '<img src=x onerror=alert(1)>'
  const hostile = path.join(folder, 'hostile.zip')
  writeFileSync(
    hostile,
    zipOf([
      { name: 'bundle.json', data: '{}' },
      { name: script, data: script },
    ]),
  )
  const said = {
    et: {
      valid: 'Allkiri, selle ajatempel ja nende sertifikaadid kehtivad ning katavad kogu konteineri.',
      invalid: 'Allkirjastatud räsi ei vasta sisule (osa /message.xml räsi on teine).',
      hostile: 'Tõendipakett ei ole korrektne (see ei ole versioon 1).',
    },
    uk: {
      valid: 'Підпис, його позначка часу та їхні сертифікати дійсні й охоплюють увесь контейнер.',
      invalid: 'Підписаний геш не відповідає вмісту (геш частини /message.xml інший).',
      hostile: 'Пакет доказів складено неправильно (це не версія 1).',
    },
  }
  const browser = await openBrowser()
  for (const [locale, words] of Object.entries(said)) {
    const base = pathToFileURL(folder).href
    const who = await visitor(t, browser, { base, context: { offline: true, locale } })
    await who.page.clock.setFixedTime(Date.UTC(2028, 0, 1))
    await who.open('/verify.html')
    await who.page.locator('details summary').first().click()
    await who.page.setInputFiles('#configuration', shared)
    const files = [
      [path.join(containers, 'valid-signed-message.asice'), words.valid],
      [path.join(containers, 'wrong-message.asice'), words.invalid],
      [hostile, words.hostile],
    ] as const
    for (const [file, reason] of files) {
      await who.page.setInputFiles('#evidence', file)
      await who.page.locator('#result:not([hidden])').getByText(reason).first().waitFor()
      t.equal(await who.page.locator('#result [lang=en]:not(pre)').count(), 0, 'nothing is left in English')
      t.equal(await who.page.locator('#result img').count(), 0)
    }
    await who.check(`verify-reasons-${locale}`)
    const saved = who.page.waitForEvent('download')
    await who.page.locator('#result .acts button').nth(2).click()
    const { reason } = JSON.parse(readFileSync(await (await saved).path(), 'utf8')) as { reason: string }
    t.match(reason, /^[ -~]+$/, 'what is saved is English')
  }
})
