/**
 * The family benefit of a living sandbox, which comes to the parents by itself: a subsystem of the Health Agency that offers it, its rule, and
 * the birth that begins it.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { newborn, people } from './agencies/people.ts'
import { openPersonStore } from './agencies/store.ts'
import type { Api } from './client.ts'
import {
  type Agency,
  encoded,
  folderOf,
  INCOME_SERVICE,
  type Layout,
  POPULATION_SERVICE,
  ROOM_SERVICE,
  SERVER_PORTS,
  subsystemText,
} from './layout.ts'
import { systemOf } from './own-system.ts'
import { citizen } from './portal.ts'
import type { Instance } from './running.ts'

export const BENEFITS = 'benefits'
export const OFFERS_SERVICE = 'offers'
export const APPLICATIONS_SERVICE = 'applications'
export const BENEFIT_EVENTS = 'events'
export const BORN_EVENT = 'org.example.child-born'
export const CORRECTED_EVENT = 'org.example.birth-corrected'
/** Titles of the contracts on which its calls stand. */
export const CHILDREN_CONTRACT = 'Children and parents for family benefits'
export const INCOMES_CONTRACT = 'Incomes for family benefits'
const DECIDED_EVENT = 'org.example.benefit-decided'

/** The agency by its subsystem that offers benefits; undefined in a lean sandbox. */
export function benefitsOf({ agencies: { health } }: Layout): Agency | undefined {
  return health && { ...health, subsystemCode: BENEFITS, subsystemName: 'Family benefits' }
}

/** The subsystem at the registry, before its administrators take over. */
export async function registerBenefits(registry: Api, layout: Layout, server: string): Promise<void> {
  const { memberCode, subsystemName: name } = benefitsOf(layout)!
  const member = encoded(`${layout.instance}/${layout.memberClass}/${memberCode}`)
  await registry.send('POST', `/members/${member}/subsystems`, { subsystemCode: BENEFITS, name })
  const client = encoded(subsystemText(layout, benefitsOf(layout)!))
  await registry.send('POST', `/security-servers/${server}/clients`, { client })
}

export function benefitSettings(layout: Layout): string {
  return folderOf(layout, `${BENEFITS}.yaml`)
}

/** Where the office that decides is, and where its decisions go. */
export function officeOf(layout: Layout): { inbox: string; event: string } | undefined {
  const own = benefitsOf(layout)
  return own && { inbox: `${subsystemText(layout, own)}/${BENEFIT_EVENTS}`, event: DECIDED_EVENT }
}

/** Its key is made once; the rule is written at each start. */
export function writeBenefitSettings(layout: Layout): void {
  const own = benefitsOf(layout)
  if (own === undefined) return
  mkdirSync(folderOf(layout, BENEFITS), { recursive: true, mode: 0o700 })
  const keyFile = folderOf(layout, `${BENEFITS}/offers.key`)
  if (!existsSync(keyFile)) writeFileSync(keyFile, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
  const { population, tax, health } = layout.agencies
  const { address, offers, offersMonitoring } = layout.systems
  const register = subsystemText(layout, population)
  writeFileSync(
    benefitSettings(layout),
    `# Life events of the sandbox: the family benefit, offered by a subsystem of the Health Agency.
listen: { address: ${address}, port: ${offers} }
monitoring: { address: ${address}, port: ${offersMonitoring} }
service: { code: ${OFFERS_SERVICE}, title: Family benefits that come to people }
databaseFile: ./${BENEFITS}/offers.db
keyFile: ./${BENEFITS}/offers.key
securityServer:
  url: https://${own.address}:${SERVER_PORTS.https}
  client: ${subsystemText(layout, own)}
  authorityFile: ./trust/root.pem
  certificateFile: ./${own.key}/system.pem
  keyFile: ./${own.key}/system.key
inboxes: [${subsystemText(layout, own)}/${BENEFIT_EVENTS}]
languages: [en, et, ko, uk]
person: { pattern: '^(P[0-9]{8})$' }
logLevel: warn
rules:
  - name: family-benefit
    event: { type: ${BORN_EVENT}, publishers: [${register}], condition: EXISTS subject, happening: /subject }
    person: /data/parents
    values: { child: /data/child }
    takenBackBy:
      type: ${CORRECTED_EVENT}
      publishers: [${register}]
      happening: /subject
      text:
        en: This offer has ended. You need not do anything, and nobody will ask you about it.
        et: See pakkumine on lõppenud. Te ei pea midagi tegema ja keegi ei küsi selle kohta.
        ko: 이 안내는 끝났습니다. 아무것도 하지 않으셔도 되고, 아무도 묻지 않습니다.
        uk: Цю пропозицію завершено. Вам не треба нічого робити, і ніхто про це не запитає.
    title: { en: Family benefit, et: Peretoetus, ko: 가족 수당, uk: Допомога на дитину }
    text:
      en: You can receive the family benefit. If you agree, registers fill the application, and you only check it.
      et: Teil on õigus peretoetusele. Kui nõustute, täidavad registrid taotluse ja teie ainult kontrollite seda.
      ko: 가족 수당을 받으실 수 있습니다. 동의하시면 등록부가 신청서를 채우고, 확인만 하시면 됩니다.
      uk: Ви можете отримати допомогу на дитину. Якщо ви згодні, реєстри заповнять заяву, а ви лише перевірите її.
    why:
      en: The birth of your child was registered.
      et: Teie lapse sünd registreeriti.
      ko: 자녀의 출생이 등록되었습니다.
      uk: Народження вашої дитини зареєстровано.
    legalBasis: Family Benefits Act, section 12
    calls:
      - name: child
        agency: { en: Population Agency, et: Rahvastikuamet, ko: 인구청, uk: Агентство населення }
        service: ${register}/${POPULATION_SERVICE}
        path: /persons/{child}
        purpose: { en: Who the child is, et: Kes on laps, ko: 자녀 확인, uk: Хто ця дитина }
        contract: ${CHILDREN_CONTRACT}
        legalBasis: Family Benefits Act, section 20
        fields: { childName: /givenName, childFamilyName: /familyName, childBorn: /born }
      - name: income
        agency: { en: Tax Agency, et: Maksuamet, ko: 세무청, uk: Податкове агентство }
        service: ${subsystemText(layout, tax)}/${INCOME_SERVICE}
        path: /incomes/{person}
        purpose: { en: The level of the benefit, et: Toetuse suurus, ko: 수당의 금액, uk: Розмір допомоги }
        contract: ${INCOMES_CONTRACT}
        legalBasis: Family Benefits Act, section 21
        fields: { income: /income }
    fields:
      - name: childName
        label: { en: First name of the child, et: Lapse eesnimi, ko: 자녀의 이름, uk: Ім’я дитини }
        correctAt: &register
          en: at the Population Agency
          et: Rahvastikuametis
          ko: 인구청에서
          uk: в Агентстві населення
      - name: childFamilyName
        label: { en: Family name of the child, et: Lapse perekonnanimi, ko: 자녀의 성, uk: Прізвище дитини }
        correctAt: *register
      - name: childBorn
        kind: date
        label: { en: Born, et: Sündinud, ko: 태어난 날, uk: Дата народження }
        correctAt: *register
      - name: income
        kind: number
        least: 0
        label:
          en: Income of last year in euros
          et: Eelmise aasta tulu eurodes
          ko: 지난해 소득 (유로)
          uk: Дохід за минулий рік, євро
        correctAt: { en: at the Tax Agency, et: Maksuametis, ko: 세무청에서, uk: у Податковому агентстві }
      - name: account
        pattern: '[A-Z]{2}[0-9]{4,30}'
        label: { en: Bank account, et: Pangakonto, ko: 은행 계좌, uk: Банківський рахунок }
    submitTo:
      service: ${subsystemText(layout, health!)}/${APPLICATIONS_SERVICE}
      path: /applications
      number: /number
      legalBasis: Family Benefits Act, section 30
    decidedBy:
      type: ${DECIDED_EVENT}
      publishers: [${subsystemText(layout, health!)}]
      offer: /data/application
      outcome: /data/outcome
      outcomes:
        granted: { en: The benefit is granted., et: Toetus on määratud., ko: 수당이 승인되었습니다., uk: Допомогу призначено. }
        refused: { en: The benefit is refused., et: Toetust ei määratud., ko: 수당이 거절되었습니다., uk: У допомозі відмовлено. }
    letter:
      afterDays: 14
      call:
        service: ${register}/${POPULATION_SERVICE}
        path: /persons/{person}
        contract: ${CHILDREN_CONTRACT}
        legalBasis: Family Benefits Act, section 13
      lines: [/givenName /familyName, /residence]
      language: en
      text:
        en: You can apply at any counter until {until}. Give in this code there.
        et: Taotleda saab igas teenindussaalis kuni {until}. Öelge seal see kood.
        ko: {until}까지 가까운 창구에서 이 코드로 신청하실 수 있습니다.
        uk: Подати заяву можна в будь-якому відділенні до {until}. Назвіть там цей код.
      counter:
        en: Counters are open from Monday to Friday, 9 to 17.
        et: Teenindussaalid on avatud esmaspäevast reedeni kell 9 kuni 17.
        ko: 창구는 월요일부터 금요일까지 9시에서 17시까지 엽니다.
        uk: Відділення відчинені з понеділка до п’ятниці, з 9 до 17.
`,
    { mode: 0o600 },
  )
}

/** The population register registers a child of the citizen, and says so to all who subscribed. */
export async function registerBirth({ layout }: Instance): Promise<void> {
  const { population } = layout.agencies
  const parent = [...people(Number(citizen().code.slice(1)))].at(-1)!
  const child = newborn(parent, new Date())
  const store = openPersonStore(folderOf(layout, 'population-register.db'))
  try {
    store.add(child)
  } finally {
    store.close()
  }
  const system = systemOf(layout, population)
  try {
    const subject = `birth-${child.code}`
    const event = {
      ...{ specversion: '1.0', id: subject, source: '/register/births', type: BORN_EVENT, subject },
      ...{ datacontenttype: 'application/json', data: { child: child.code, parents: [parent.code] } },
    }
    const room = `${subsystemText(layout, population)}/${ROOM_SERVICE}`
    await system('POST', `/rooms/v1/${room}/pub/v1/${BORN_EVENT}`, { event })
  } finally {
    await system.close()
  }
}
