/**
 * The rule of the family benefit: a birth begins it, two registers fill the form, the office of the Health
 * Agency decides.
 */
import { POPULATION_SERVICE } from './layout.ts'

export const APPLICATIONS_SERVICE = 'applications'
export const BORN_EVENT = 'org.example.child-born'
export const CORRECTED_EVENT = 'org.example.birth-corrected'
export const DECIDED_EVENT = 'org.example.benefit-decided'
/** Titles of the contracts on which its calls stand. */
export const CHILDREN_CONTRACT = 'Children and parents for family benefits'
export const INCOMES_CONTRACT = 'Incomes for family benefits'

/**
 * As it stands in the settings. `register` and `office` are subsystems, `incomes` a service, `letters` the
 * page that takes codes.
 */
export function familyBenefitRule({
  register,
  incomes,
  office,
  letters,
}: {
  register: string
  incomes: string
  office: string
  letters: string
}): string {
  return `rules:
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
        service: ${incomes}
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
      service: ${office}/${APPLICATIONS_SERVICE}
      path: /applications
      number: /number
      legalBasis: Family Benefits Act, section 30
    decidedBy:
      type: ${DECIDED_EVENT}
      publishers: [${office}]
      offer: /data/application
      outcome: /data/outcome
      outcomes:
        granted: { en: The benefit is granted., et: Toetus on määratud., ko: 수당이 승인되었습니다., uk: Допомогу призначено. }
        refused: { en: The benefit is refused., et: Toetust ei määratud., ko: 수당이 거절되었습니다., uk: У допомозі відмовлено. }
    letter:
      afterDays: 0 # So that one can be printed at once; in earnest people have some weeks.
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
        ko: '{until}까지 가까운 창구에서 이 코드로 신청하실 수 있습니다.'
        uk: Подати заяву можна в будь-якому відділенні до {until}. Назвіть там цей код.
      counter:
        en: Counters are open from Monday to Friday, 9 to 17.
        et: Teenindussaalid on avatud esmaspäevast reedeni kell 9 kuni 17.
        ko: 창구는 월요일부터 금요일까지 9시에서 17시까지 엽니다.
        uk: Відділення відчинені з понеділка до п’ятниці, з 9 до 17.
      page:
        en: Or answer at ${letters} with this code and your personal code, without signing in.
        et: Või vastake aadressil ${letters} selle koodi ja oma isikukoodiga, ilma sisse logimata.
        ko: '또는 ${letters} 에서 이 코드와 개인 번호로 로그인 없이 답하실 수 있습니다.'
        uk: Або дайте відповідь на ${letters} за цим кодом і вашим особистим кодом, без входу.
`
}
