/** One field of a form. Its label, hint and error also belong to it in the accessibility tree. */
import { MomentInput } from './moment-input.tsx'
import { PickInput } from './pick.tsx'
import { PicksInput } from './picks.tsx'
import { RowsInput, type RowWords } from './rows-input.tsx'
import { type TextKey, text } from './text.ts'
import { zone } from './time.tsx'

type FieldType =
  | 'text'
  | 'long'
  | 'secret'
  | 'select'
  | 'checks'
  | 'file'
  | 'time'
  | 'date'
  | 'pick'
  | 'picks'
  | 'rows'

type Option = { value: string; title: string }

/** Finds what fits the typed text; `values` are those of the form's other fields. */
export type Find = (typed: string, values: Values) => Promise<Option[]>

export type Field = {
  name: string
  title: TextKey
  /** Values for the `{names}` in the title. */
  titled?: Record<string, string | number>
  hint?: TextKey
  /** Values for the `{names}` in the hint. */
  hinted?: Record<string, string | number>
  type?: FieldType
  /**
   * The name in the body of what it is a part of, when that is another: a refusal of the whole is told here.
   */
  partOf?: string
  /** True by default. */
  required?: boolean
  options?: Option[]
  /** For a field in which one thing is picked, or several, whose value has one a line. */
  find?: Find
  /** For a field of several rows, whose value is read by row-values.ts. */
  rows?: RowWords
  maxLength?: number
  initial?: string
  /** The name of the form's section in which it stands. */
  section?: string
  /** Returns why a value is not valid, or undefined. */
  check?(value: string): string | undefined
}

/** A text, a file, or the chosen values of checks joined with commas. */
export type Values = Record<string, string | File>

type Props = {
  id: string
  field: Field
  value: string | File | undefined
  error: string | undefined
  /** The values of the whole form, for fields in which one thing is picked. */
  values?: Values
  set(value: string | File): void
}

export function FieldInput({ id, field, value, error, values = {}, set }: Props) {
  const { type = 'text', hint, required = true } = field
  const title = text(field.title, field.titled)
  const described = [hint && `${id}-hint`, type === 'time' && `${id}-zone`, error && `${id}-error`]
    .filter(Boolean)
    .join(' ')
  const shared = {
    id,
    'aria-describedby': described === '' ? undefined : described,
    'aria-invalid': error === undefined ? undefined : true,
    'aria-required': required,
  }
  const given = typeof value === 'string' ? value : ''
  const about = (
    <>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {text(hint, field.hinted)}
        </p>
      )}
      {error !== undefined && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </>
  )
  if (type === 'checks') {
    const chosen = given === '' ? [] : given.split(',')
    const toggle = (one: string): void =>
      set((chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one]).join(','))
    return (
      <fieldset class="field" aria-describedby={shared['aria-describedby']} id={id} tabIndex={-1}>
        <legend>{title}</legend>
        {about}
        {field.options?.map((option) => (
          <label class="check" key={option.value}>
            <input
              type="checkbox"
              checked={chosen.includes(option.value)}
              onChange={() => toggle(option.value)}
            />
            {option.title}
          </label>
        ))}
      </fieldset>
    )
  }
  if (type === 'rows' && field.rows !== undefined)
    return (
      <fieldset class="field" aria-describedby={shared['aria-describedby']} id={id} tabIndex={-1}>
        <legend>
          {title}
          {!required && <span class="beside"> {text('form.optional')}</span>}
        </legend>
        {about}
        <RowsInput id={id} of={field.rows} value={given} isWrong={error !== undefined} set={set} />
      </fieldset>
    )
  return (
    <div class="field">
      <label for={id}>
        {title}
        {!required && <span class="beside"> {text('form.optional')}</span>}
      </label>
      {about}
      {type === 'select' ? (
        <select {...shared} value={given} onChange={(event) => set(event.currentTarget.value)}>
          <option value="">{text('form.choose')}</option>
          {field.options?.map((option) => (
            <option key={option.value} value={option.value}>
              {option.title}
            </option>
          ))}
        </select>
      ) : type === 'pick' && field.find !== undefined ? (
        <PickInput
          {...shared}
          maxLength={field.maxLength}
          value={given}
          find={(typed) => field.find!(typed, values)}
          set={set}
        />
      ) : type === 'picks' && field.find !== undefined ? (
        <PicksInput
          {...shared}
          maxLength={field.maxLength}
          value={given}
          find={(typed) => field.find!(typed, values)}
          set={set}
        />
      ) : type === 'time' || type === 'date' ? (
        <MomentInput {...shared} kind={type} value={given} set={set} />
      ) : type === 'file' ? (
        <input {...shared} type="file" onChange={(event) => set(event.currentTarget.files?.[0] ?? '')} />
      ) : (
        <TextInput {...shared} type={type} maxLength={field.maxLength} value={given} set={set} />
      )}
      {type === 'time' && (
        <p class="hint" id={`${id}-zone`}>
          {text('moment.zone', { zone: zone() })}
        </p>
      )}
    </div>
  )
}

type TextProps = {
  type: FieldType
  value: string
  maxLength: number | undefined
  set(value: string): void
  id: string
}

function TextInput({ type, set, ...more }: TextProps) {
  const shared = {
    ...more,
    autocomplete: 'off',
    spellcheck: false,
    onInput: (event: { currentTarget: HTMLInputElement }) => set(event.currentTarget.value),
  }
  if (type === 'long')
    return <textarea rows={3} {...shared} onInput={(event) => set(event.currentTarget.value)} />
  if (type === 'secret') return <input type="password" {...shared} />
  return <input type="text" {...shared} />
}
