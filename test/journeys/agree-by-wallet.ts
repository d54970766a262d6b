/** A citizen of the living sandbox agrees to a call with their wallet: the provider's server takes what it presented, and gives one answer. */
import type { Test } from 'tap'
import { citizen } from '#scripts/sandbox/portal.ts'
import type { Browser } from '../fakes/openid-provider.ts'
import type { Reply, World } from '../world.ts'

/** What the sandbox calls it. */
const SUBSIDIES = {
  title: 'Insured persons for wage subsidies',
  purpose: 'Subsidies to companies that hire people',
}

/** The browser is signed in as the citizen. */
export async function agreeByWallet(t: Test, world: World, browser: Browser): Promise<void> {
  const { business } = world.servers
  const headers = { 'x-road-client': business.client, 'content-type': 'application/json' }
  const person = citizen().code
  type Listed = { contracts: { contract: string; title: string; provider: string }[] }
  const { contracts } = await world.admin.business.get<Listed>('/contracts?state=ACTIVE')
  const { contract, provider } = contracts.find(({ title }) => title === SUBSIDIES.title)!
  const insured = (): Promise<Reply> =>
    world.ask('business', `/r1/${provider}/insured/insured/${person}`, { headers })
  t.match(String((await insured()).headers['x-road-error']), /consent_missing/)
  const asked = await world.ask('business', `/r1/${provider}/consents/v1/requests`, {
    ...{ method: 'POST', headers },
    body: JSON.stringify({ contract, userCode: person, returnUrl: 'https://jobs.example/back' }),
  })
  t.equal(asked.status, 201, asked.body.toString())
  const { url } = asked.json() as { url: string }
  const page = await browser.visit(url)
  const field = (name: string): string =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? ''
  const form = Object.fromEntries(
    ['csrf', 'demand', 'language', 'text', 'kind'].map((name) => [name, field(name)]),
  )
  const wait = await browser.follow(await browser.visit(url, { form: { ...form, answer: 'same-device' } }))
  const [, link = ''] = /href="(http:[^"]+\/present\?[^"]+)"/.exec(wait.text.replaceAll('&#38;', '&')) ?? []
  t.match((await browser.visit(link)).text, new RegExp(`you agree to: <strong>${SUBSIDIES.purpose}`))
  const answered = await browser.visit(new URL('/answer', link).href, { form: { text: link, agrees: 'yes' } })
  t.match((await browser.visit(String(answered.headers['location']))).text, /You agreed/)
  const given = await insured()
  t.equal(given.status, 200, given.body.toString())
  t.match(String((await insured()).headers['x-road-error']), /consent_used_up/)
  const { origin } = new URL(url)
  const list = (await browser.visit(`${origin}/consents`)).text.replaceAll('&#38;', '&')
  const pages: string[] = []
  for (const [, one = ''] of list.matchAll(/href="(\/consents\/one\?[^"]+)"/g))
    pages.push((await browser.visit(`${origin}${one}`)).text)
  t.equal(
    pages.filter((text) => /signed exactly this one[\s\S]+No list says whether it was taken back/.test(text))
      .length,
    1,
  )
  t.ok(pages.length > 1, 'those by login are told otherwise')
}
