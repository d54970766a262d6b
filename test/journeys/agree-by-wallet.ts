/**
 * A citizen of the living sandbox agrees to a call with their wallet: the provider's server takes what it
 * presented, and gives one answer.
 */
import type { Test } from 'tap'
import { citizen } from '#scripts/sandbox/portal.ts'
import { verifyPresentation } from '#scripts/verify/verify-presentation.ts'
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
  const missing = await insured()
  t.match(String(missing.headers['x-road-error']), /consent_missing/)
  t.match(missing.body.toString(), /wallet has to attest Of age/)
  const asked = await world.ask('business', `/r1/${provider}/consents/v1/requests`, {
    ...{ method: 'POST', headers },
    body: JSON.stringify({ contract, userCode: person, returnUrl: 'https://jobs.example/back' }),
  })
  t.equal(asked.status, 201, asked.body.toString())
  const { url } = asked.json() as { url: string }
  const page = await browser.visit(url)
  t.match(page.text, /What your wallet attests<[\s\S]+Of age: yes/)
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
  const isProven = (text: string): boolean =>
    /signed exactly this one[\s\S]+No list says whether it was taken back[\s\S]+SandboxPid attested[^<]+Of age/.test(
      text,
    )
  for (const [, one = ''] of list.matchAll(/href="(\/consents\/one\?[^"]+)"/g))
    pages.push((await browser.visit(`${origin}${one}`)).text)
  const proven = pages.filter(isProven)
  t.equal(proven.length, 1)
  t.ok(pages.length > 1, 'those by login are told otherwise')
  const [, proof = ''] = /href="(\/consents\/proof\?[^"]+)"/.exec(proven[0]!.replaceAll('&#38;', '&')) ?? []
  const saved = (await browser.visit(`${origin}${proof}`)).text
  const listed = await world.ask('business', '/listTrustedIssuers', { headers })
  const { issuers } = listed.json() as { issuers: object[] }
  const verify = (more: object) =>
    verifyPresentation({ file: 'consent.json', content: Buffer.from(saved), ...more })
  const attested = [{ name: 'Of age', type: 'urn:eudi:pid:1', issuer: 'SandboxPid' }]
  t.match(verify({ issuers }), { passed: true, facts: { verdict: 'TOTAL-PASSED', attested } })
  t.match(verify({}), { facts: { verdict: 'INDETERMINATE', attested } }, 'by the issuers that it brings')
}
