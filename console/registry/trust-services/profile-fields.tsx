/**
 * The fields of one side of a certificate profile: the content of requests, the demands on certificates, and
 * how the subject is read.
 */
import { useId, useRef } from 'preact/hooks'
import { type Field, FieldInput } from '../../kit/field.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import {
  ATTRIBUTES,
  CONDITIONS,
  type ConditionDraft,
  KEY_ALGORITHMS,
  KEY_USAGES,
  type NeedDraft,
  NO_READING,
  NO_REQUEST,
  PARTS,
  type PartDraft,
  type PartName,
  type ReadingDraft,
  type Requested,
  type SideDraft,
  type SideName,
} from './profile-document.ts'

const PLACEHOLDERS =
  '{instance}, {memberClass}, {memberCode}, {memberName}, {serverCode}, {dnsName}, {country}'
const MOST = 16
const LINE = 255
const PART_TITLES: Record<PartName, TextKey> = {
  instance: 'profiles.instance',
  memberClass: 'profiles.memberClass',
  memberCode: 'profiles.memberCode',
  serverCode: 'profiles.serverCode',
}
const same = (values: readonly string[]) => values.map((value) => ({ value, title: value }))

type InputProps = Omit<Field, 'name'> & { value: string; set(value: string): void }

/** One field of the form; the form holds its value. */
export function Input({ value, set, ...field }: InputProps) {
  const id = useId()
  return (
    <FieldInput
      id={id}
      field={{ ...field, name: id }}
      value={value}
      error={undefined}
      set={(given) => set(String(given))}
    />
  )
}

type ListProps<T> = {
  of: T[]
  set(of: T[]): void
  empty: T
  /** The title of each row, with its `{number}`. */
  title: TextKey
  add: TextKey
  least?: number
  row(one: T, set: (changes: Partial<T>) => void): preact.ComponentChildren
}

/** Rows that can be added and removed. */
function List<T extends object>({ of, set, empty, title, add, least = 0, row }: ListProps<T>) {
  const added = useRef<HTMLButtonElement>(null)
  const takeAway = (at: number): void => {
    set(of.filter((_, where) => where !== at))
    // The pressed button is gone: the focus moves to the button that adds rows.
    requestAnimationFrame(() => added.current?.focus())
  }
  return (
    <>
      {of.map((one, at) => {
        const name = text(title, { number: at + 1 })
        const change = (changes: Partial<T>): void =>
          set(of.map((other, where) => (where === at ? { ...other, ...changes } : other)))
        return (
          // Rows have no key but their position.
          <fieldset class="group" key={at}>
            <legend>{name}</legend>
            {row(one, change)}
            {of.length > least && (
              <div class="acts">
                <button
                  type="button"
                  class="quiet"
                  aria-label={text('profiles.takeAway', { name })}
                  onClick={() => takeAway(at)}
                >
                  {text('profiles.remove')}
                </button>
              </div>
            )}
          </fieldset>
        )
      })}
      {of.length < MOST && (
        <div class="acts">
          <button type="button" ref={added} onClick={() => set([...of, empty])}>
            {text(add)}
          </button>
        </div>
      )}
    </>
  )
}

type SideProps = { side: SideName; of: SideDraft; set(changes: Partial<SideDraft>): void }

export function SideFields({ side, of, set }: SideProps) {
  return (
    <>
      <h3>{text('profiles.request')}</h3>
      <p class="hint">{text('profiles.requestHint', { names: PLACEHOLDERS })}</p>
      <List<Requested>
        of={of.request}
        set={(request) => set({ request })}
        empty={NO_REQUEST}
        title="profiles.requested"
        add="profiles.addRequested"
        least={1}
        row={(one, change) => (
          <div class="fields">
            <Attribute value={one.attribute} set={(attribute) => change({ attribute })} />
            <Input
              title="profiles.label"
              maxLength={LINE}
              value={one.label}
              set={(label) => change({ label })}
            />
            <Input
              title="profiles.value"
              maxLength={LINE}
              value={one.value}
              set={(value) => change({ value })}
            />
          </div>
        )}
      />
      <h3>{text('profiles.readings')}</h3>
      <p class="hint">{text(side === 'signing' ? 'profiles.readingsHint' : 'profiles.readingsHintServer')}</p>
      <List<ReadingDraft>
        of={of.readings}
        set={(readings) => set({ readings })}
        empty={NO_READING}
        title="profiles.reading"
        add="profiles.addReading"
        least={side === 'signing' ? 1 : 0}
        row={(one, change) => <ReadingFields side={side} of={one} set={change} />}
      />
      <h3>{text('profiles.demands')}</h3>
      <p class="hint">{text('profiles.demandsHint')}</p>
      <div class="fields">
        <Input
          {...{ title: 'profiles.keyUsage', type: 'checks', options: same(KEY_USAGES) }}
          value={of.keyUsage.join(',')}
          set={(given) => set({ keyUsage: given.split(',').filter(Boolean) })}
        />
        <Input
          {...{ title: 'profiles.keyAlgorithms', type: 'checks', options: same(KEY_ALGORITHMS) }}
          value={of.keyAlgorithms.join(',')}
          set={(given) => set({ keyAlgorithms: given.split(',').filter(Boolean) })}
        />
        <Input
          {...{ title: 'profiles.extended', hint: 'profiles.extendedHint', required: false }}
          value={of.extendedKeyUsage}
          set={(extendedKeyUsage) => set({ extendedKeyUsage })}
        />
      </div>
    </>
  )
}

function Attribute({ value, set }: { value: string; set(value: string): void }) {
  return <Input title="profiles.attribute" type="select" options={same(ATTRIBUTES)} value={value} set={set} />
}

type ReadingProps = { side: SideName; of: ReadingDraft; set(changes: Partial<ReadingDraft>): void }

function ReadingFields({ side, of, set }: ReadingProps) {
  return (
    <>
      {PARTS[side].map((name) => (
        <PartFields
          key={name}
          title={PART_TITLES[name]}
          of={of.parts[name]}
          set={(changes) => set({ parts: { ...of.parts, [name]: { ...of.parts[name], ...changes } } })}
        />
      ))}
      <List<ConditionDraft>
        of={of.when}
        set={(when) => set({ when })}
        empty={{ attribute: '', is: '', texts: '' }}
        title="profiles.condition"
        add="profiles.addCondition"
        row={(one, change) => (
          <div class="fields">
            <Attribute value={one.attribute} set={(attribute) => change({ attribute })} />
            <Input
              {...{ title: 'profiles.is', type: 'select' }}
              options={CONDITIONS.map((value) => ({ value, title: text(`profiles.is.${value}`) }))}
              value={one.is}
              set={(is) => change({ is })}
            />
            {one.is === 'startsWith' && (
              <Input
                {...{ title: 'profiles.texts', hint: 'profiles.textsHint', type: 'long' }}
                value={one.texts}
                set={(texts) => change({ texts })}
              />
            )}
          </div>
        )}
      />
      <List<NeedDraft>
        of={of.need}
        set={(need) => set({ need })}
        empty={{ attribute: '', equals: '' }}
        title="profiles.need"
        add="profiles.addNeed"
        row={(one, change) => (
          <div class="fields">
            <Attribute value={one.attribute} set={(attribute) => change({ attribute })} />
            <Input
              {...{ title: 'profiles.equals', required: false, maxLength: LINE }}
              value={one.equals}
              set={(equals) => change({ equals })}
            />
          </div>
        )}
      />
    </>
  )
}

type PartProps = { title: TextKey; of: PartDraft; set(changes: Partial<PartDraft>): void }

function PartFields({ title, of, set }: PartProps) {
  const isAttribute = ATTRIBUTES.includes(of.from)
  return (
    <fieldset class="group">
      <legend>{text(title)}</legend>
      <div class="fields">
        <Input
          {...{ title: 'profiles.from', type: 'select', required: false }}
          options={[
            { value: 'instance', title: text('profiles.fromInstance') },
            { value: 'value', title: text('profiles.fromValue') },
            ...same(ATTRIBUTES),
          ]}
          value={of.from}
          set={(from) => set({ from })}
        />
        {of.from === 'value' && (
          <Input title="profiles.fixed" maxLength={LINE} value={of.value} set={(value) => set({ value })} />
        )}
        {isAttribute && (
          <>
            <Input
              {...{ title: 'profiles.after', required: false, maxLength: 50 }}
              value={of.after}
              set={(after) => set({ after })}
            />
            <Input
              {...{ title: 'profiles.by', hint: 'profiles.byHint', required: false, maxLength: 1 }}
              value={of.by}
              set={(by) => set({ by })}
            />
            {of.by !== '' && (
              <>
                <Input
                  title="profiles.parts"
                  maxLength={1}
                  value={of.parts}
                  set={(parts) => set({ parts })}
                />
                <Input title="profiles.at" maxLength={1} value={of.at} set={(at) => set({ at })} />
              </>
            )}
            <Input
              {...{ title: 'profiles.digits', required: false, maxLength: 2 }}
              value={of.digits}
              set={(digits) => set({ digits })}
            />
          </>
        )}
      </div>
    </fieldset>
  )
}
