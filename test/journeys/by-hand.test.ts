/** What the README asks a newcomer to do by hand, done in Chromium: two people of the sandbox log in and admit others. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { hasChromium, openBrowser, type Visitor, visitor } from '../browser.ts'
import { skipFor } from '../outside-tools.ts'
import { act, close } from '../second-person.ts'
import { colons, startWorld } from '../world.ts'
import { liveContract } from './contract-in-console.ts'

type Person = { subject: string; name: string; password: string }
type Status = { request: number; kind: string; state: string }

void t.test('two people admit a member and approve what a server asks for', async (t) => {
  if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
  const world = await startWorld({ installed: true })
  t.teardown(() => world.stop())
  const { people } = JSON.parse(readFileSync(world.login.peopleFile, 'utf8')) as { people: Person[] }
  const chromium = await openBrowser(t)
  const base = world.registry.consoleUrl.replace(/\/$/, '')
  const hosts = [new URL(world.login.issuer).host]

  const arrive = async (subject: string, at = base): Promise<Visitor> => {
    const person = people.find((one) => one.subject === subject)!
    const one = await visitor(t, chromium, { base: at, hosts })
    const { page } = one
    await one.open('/')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Development login' }).waitFor()
    await one.check('development-login')
    await page.getByLabel('Name').fill(subject)
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('This name and password do not fit.').waitFor()
    await one.check('development-login-wrong')
    await page.getByLabel('Name').fill(subject)
    await page.getByLabel('Password').fill(person.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
    await one.settled()
    t.ok((await page.locator('.who').textContent())?.includes(person.name), person.name)
    return one
  }
  const anna = await arrive('anna')
  const ben = await arrive('ben')
  await ben.check('sandbox-overview')

  await anna.page.getByRole('link', { name: 'Members', exact: true }).first().click()
  const harbour = { 'Member class': 'GOV', 'Member code': '1004', Name: 'Harbour Agency', Reason: 'joins' }
  await act(anna, 'Admit a member', harbour, 'Propose', 'it waits for a second administrator')
  await close(anna)
  await ben.open('/')
  await ben.page.getByRole('link', { name: '1 proposal waits for your decision.' }).click()
  await ben.page.getByRole('link', { name: 'Admit a member' }).first().click()
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  t.match(await world.registryAdmin.get('/members/DEV:GOV:1004'), { name: 'Harbour Agency' })

  const vat = colons('DEV/GOV/1002/vat')
  await world.admin.tax.send('POST', '/clients', { id: vat })
  const filed = await world.admin.tax.send<Status>('PUT', `/clients/${vat}/register`, {
    subsystemName: 'VAT',
  })
  t.match(filed, { kind: 'clientReg', state: 'SUBMITTED_FOR_APPROVAL' })
  await anna.open('/')
  await anna.page.getByRole('link', { name: '1 management request waits for a decision.' }).click()
  await anna.page.getByRole('link', { name: 'Register a client' }).click()
  await act(
    anna,
    'Approve',
    { Reason: 'the decree on VAT' },
    'Propose',
    'it waits for a second administrator',
  )
  await close(anna)
  await ben.open('/')
  await ben.page.getByRole('link', { name: '1 proposal waits for your decision.' }).click()
  await ben.page.getByRole('link', { name: 'Approve a management request' }).first().click()
  await ben.page.getByText('the same as when it was proposed').waitFor()
  await act(ben, 'Approve', {}, 'Approve', 'Approved, and carried out.')
  await close(ben)
  const [newest] = await world.admin.tax.get<Status[]>('/management-requests')
  t.match(newest, { request: filed.request, state: 'APPROVED' })
  await ben.open('/audit-log?q=management-requests')
  const log = (await ben.page.locator('tbody').textContent()) ?? ''
  t.match(log, /approveManagementRequest/)
  await ben.check('sandbox-audit-log')

  t.match(
    await world.registryAdmin.call('POST', '/members', { memberClass: 'GOV', memberCode: '9', name: 'x' }),
    {
      status: 403,
    },
    "the operator's key does it no more",
  )
  const olga = await arrive('olga')
  await olga.open('/proposals')
  t.equal(await olga.page.getByRole('link', { name: 'Invite a person' }).count(), 2, 'an auditor reads')
  await olga.open(`/management-requests/${filed.request}`)
  t.equal(await olga.page.locator('.head .acts button').count(), 0)
  const toomas = await arrive('toomas')
  await toomas.open('/people')
  await toomas.page.getByText('Your roles do not include this page').waitFor()

  const tiina = await arrive('tiina', `${world.servers.tax.adminUrl}/console`)
  await tiina.page.getByRole('link', { name: 'Search', exact: true }).click()
  await tiina.page.getByText('The log holds no message yet').waitFor()
  await tiina.page.getByRole('link', { name: 'Who looked' }).click()
  await tiina.page.getByRole('cell', { name: 'Tiina Toom' }).first().waitFor()
  await tiina.page.getByRole('button', { name: 'Sign out' }).click()
  await tiina.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  const stranger = people.find(({ subject }) => subject === 'anna')!
  await tiina.page.getByRole('link', { name: 'Sign in' }).click()
  await tiina.page.getByLabel('Name').fill(stranger.subject)
  await tiina.page.getByLabel('Password').fill(stranger.password)
  await tiina.page.keyboard.press('Enter')
  await tiina.page.getByText('nobody has invited you here').waitFor()
  await liveContract(t, { world, anna, ben })
})
