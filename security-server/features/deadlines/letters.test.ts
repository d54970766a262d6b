/**
 * Letters word for word: each language has every text, with its plural forms; days, times and steps of a
 * renewal are in its words.
 */
import t from 'tap'
import { DAY_MS } from '#core/mail/threshold.ts'
import { Fault } from '#schemas/fault.ts'
import { haveSameTexts } from '#test/same-texts.ts'
import type { RenewalState } from '../renewals/migrations.ts'
import { overdueOf } from '../renewals/rules.ts'
import { START } from './deadlines-fixture.ts'
import { renderLetter } from './render-letter.ts'
import { LETTER_LANGUAGES, type LetterLanguage } from './settings.ts'
import en from './texts/en.json' with { type: 'json' }
import es from './texts/es.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import fi from './texts/fi.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

const PLACE = { server: 'DEV:GOV:1000:ss1', console: 'https://ss1.example', now: START }
const BACKUP = { kind: 'BACKUP', name: '', overdue: null, node: '' } as const
/** The compiler refuses this when a renewal has another step. */
const STEPS: Record<RenewalState, true> = {
  WAITING: true,
  ORDERING: true,
  REGISTERING: true,
  ACTIVATING: true,
  RETIRING: true,
}

void t.test('each language has every text and every plural form', (t) => {
  haveSameTexts(t, en, { es, et, fi, uk })
  t.end()
})

/** What is said of 1, 2, 5 and 21 days. */
const SUBJECTS: Record<LetterLanguage, string[]> = {
  en: [
    'Ends in 1 day: the time within which a backup has to be made',
    'Ends in 2 days: the time within which a backup has to be made',
    'Ends in 5 days: the time within which a backup has to be made',
    'Ends in 21 days: the time within which a backup has to be made',
  ],
  es: [
    'Termina en 1 día: el plazo en que hay que hacer una copia de seguridad',
    'Termina en 2 días: el plazo en que hay que hacer una copia de seguridad',
    'Termina en 5 días: el plazo en que hay que hacer una copia de seguridad',
    'Termina en 21 días: el plazo en que hay que hacer una copia de seguridad',
  ],
  et: [
    'Lõpeb 1 päeva pärast: aeg, mille jooksul tuleb teha varukoopia',
    'Lõpeb 2 päeva pärast: aeg, mille jooksul tuleb teha varukoopia',
    'Lõpeb 5 päeva pärast: aeg, mille jooksul tuleb teha varukoopia',
    'Lõpeb 21 päeva pärast: aeg, mille jooksul tuleb teha varukoopia',
  ],
  fi: [
    'Päättyy 1 päivän kuluttua: aika, jonka kuluessa varmuuskopio on tehtävä',
    'Päättyy 2 päivän kuluttua: aika, jonka kuluessa varmuuskopio on tehtävä',
    'Päättyy 5 päivän kuluttua: aika, jonka kuluessa varmuuskopio on tehtävä',
    'Päättyy 21 päivän kuluttua: aika, jonka kuluessa varmuuskopio on tehtävä',
  ],
  uk: [
    'Закінчується через 1 день: строк, протягом якого треба зробити резервну копію',
    'Закінчується через 2 дні: строк, протягом якого треба зробити резервну копію',
    'Закінчується через 5 днів: строк, протягом якого треба зробити резервну копію',
    'Закінчується через 21 день: строк, протягом якого треба зробити резервну копію',
  ],
}

void t.test('days are counted by the plural of the language', (t) => {
  for (const language of LETTER_LANGUAGES)
    t.strictSame(
      [1, 2, 5, 21].map((days) => {
        const endsAt = new Date(START + days * DAY_MS).toISOString()
        return renderLetter({ ...BACKUP, endsAt }, { language, ...PLACE }).subject
      }),
      SUBJECTS[language],
    )
  t.end()
})

/** The lines that say when it ends, why its renewal is late, and which step should have begun. */
const LINES: Record<LetterLanguage, [string, string, string]> = {
  en: [
    'Ends: 2 December 2026 at 14:30 UTC',
    'It renews itself, but the renewal is overdue (is being ordered): The ACME server of a CA refuses (caa). Look at what it says, at the settings acme and at the way from the CA to the challenges of this server.',
    'It renews itself, but the renewal is overdue (waits for the registry): its next step is set for 28 November 2026 at 12:00 UTC',
  ],
  es: [
    'Termina: 2 de diciembre de 2026 a las 14:30 UTC',
    'Se renueva por sí mismo, pero la renovación se retrasa (se está pidiendo): El servidor ACME de una CA se niega (caa). Mire lo que dice, los ajustes acme y el camino de la CA a los retos de este servidor.',
    'Se renueva por sí mismo, pero la renovación se retrasa (espera al registro): su próximo paso está previsto para el 28 de noviembre de 2026 a las 12:00 UTC',
  ],
  et: [
    'Lõpeb: 2. detsember 2026, kell 14:30 UTC',
    'See uueneb ise, kuid uuendamine hilineb (tellitakse): CA ACME-server keeldub (caa). Vaadake, mida ta ütleb, sätteid acme ja teed CA-st selle serveri kontrollpäringuteni.',
    'See uueneb ise, kuid uuendamine hilineb (ootab registrit): järgmise sammu aeg on 28. november 2026, kell 12:00 UTC',
  ],
  fi: [
    'Päättyy: 2. joulukuuta 2026 klo 14.30 UTC',
    'Se uusiutuu itsestään, mutta uusiminen on myöhässä (tilataan): CA:n ACME-palvelin kieltäytyy (caa). Katso, mitä se sanoo, asetuksia acme ja tietä CA:lta tämän palvelimen haasteisiin.',
    'Se uusiutuu itsestään, mutta uusiminen on myöhässä (odottaa rekisteriä): seuraavan vaiheen aika on 28. marraskuuta 2026 klo 12.00 UTC',
  ],
  uk: [
    'Закінчується: 2 грудня 2026 р. о 14:30 UTC',
    'Він поновлюється сам, але поновлення запізнюється (замовляється): Сервер ACME центру відмовляє (caa). Подивіться, що він каже, на налаштування acme та на шлях від центру до перевірок цього сервера.',
    'Він поновлюється сам, але поновлення запізнюється (чекає на реєстр): наступний крок призначено на 28 листопада 2026 р. о 12:00 UTC',
  ],
}

void t.test('times are written out in UTC, and codes in words', (t) => {
  const row = { next_at: new Date(START - 2 * DAY_MS).toISOString(), tries: 0, error_text: null }
  const fault = new Fault('acme_refused', { what: 'caa' })
  const refused = overdueOf(
    { ...row, state: 'ORDERING', error_code: fault.code, error_text: fault.message },
    START,
  )!
  const late = overdueOf({ ...row, state: 'REGISTERING', error_code: null }, START)!
  for (const language of LETTER_LANGUAGES) {
    const linesOf = (overdue: string): string[] =>
      renderLetter(
        { kind: 'SIGNING', name: 'N', endsAt: '2026-12-02T14:30:00.000Z', overdue, node: 'a' },
        { language, ...PLACE },
      ).text.split('\n')
    const [ends, why, when] = LINES[language]
    t.equal(linesOf(refused)[1], ends)
    t.equal(linesOf(refused)[10], why)
    t.equal(linesOf(late)[10], when)
    for (const state of Object.keys(STEPS)) t.notMatch(linesOf(`${state}: x`).join('\n'), state, language)
  }
  t.end()
})
