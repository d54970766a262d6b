/**
 * A field of several rows, each with the same inputs, which have names of their own: rows are added and left
 * out again.
 */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { useAnnounce } from './live.tsx'
import { type Row, rowsIn, rowsText } from './row-values.ts'
import { type TextKey, text } from './text.ts'

type RowColumn = { name: string; title: TextKey; maxLength: number }

/** `each` names a row by its number, `{at}`; with one column that is the name of its input. */
export type RowWords = { each: TextKey; add: TextKey; columns: RowColumn[]; most: number }

type Props = {
  id: string
  of: RowWords
  value: string
  isWrong: boolean
  set(value: string): void
}

export function RowsInput({ id, of, value, isWrong, set }: Props) {
  const announce = useAnnounce()
  const rows = rowsIn(value)
  /** Where the next key has to go once the rows are others. */
  const next = useRef<string>(undefined)
  useLayoutEffect(() => {
    if (next.current === undefined) return
    document.getElementById(next.current)?.focus()
    next.current = undefined
  }, [rows.length])
  const inputId = (at: number, column: string): string => `${id}-${at}-${column}`
  const change = (at: number, row: Row): void =>
    set(rowsText(rows.map((one, place) => (place === at ? row : one))))
  const remove = (at: number): void => {
    // The button goes with its row.
    next.current = `${id}-add`
    announce(text('form.removed', { what: text(of.each, { at: at + 1 }) }))
    set(rowsText(rows.filter((_, place) => place !== at)))
  }
  const add = (): void => {
    next.current = inputId(rows.length, of.columns[0]!.name)
    set(rowsText([...rows, {}]))
  }
  return (
    <>
      {rows.map((row, at) => (
        <OneRow
          key={at}
          {...{ at, of, row, isWrong, inputId }}
          set={(now) => change(at, now)}
          remove={() => remove(at)}
        />
      ))}
      {rows.length < of.most && (
        <div class="acts">
          <button type="button" id={`${id}-add`} onClick={add}>
            {text(of.add)}
          </button>
        </div>
      )}
    </>
  )
}

type OneProps = {
  at: number
  of: RowWords
  row: Row
  isWrong: boolean
  inputId(at: number, column: string): string
  set(row: Row): void
  remove(): void
}

function OneRow({ at, of: { each, columns }, row, isWrong, inputId, set, remove }: OneProps) {
  const name = text(each, { at: at + 1 })
  const input = (column: RowColumn) => (
    <input
      id={inputId(at, column.name)}
      type="text"
      autocomplete="off"
      spellcheck={false}
      maxLength={column.maxLength}
      aria-invalid={isWrong || undefined}
      value={row[column.name] ?? ''}
      onInput={(event) => set({ ...row, [column.name]: event.currentTarget.value })}
    />
  )
  const leaveOut = (
    <button
      type="button"
      class="quiet"
      aria-label={text('common.removeThis', { what: name })}
      onClick={remove}
    >
      {text('common.remove')}
    </button>
  )
  const [only, ...more] = columns
  if (only !== undefined && more.length === 0)
    return (
      <div class="field">
        <label for={inputId(at, only.name)}>{name}</label>
        <div class="row-input">
          {input(only)}
          {leaveOut}
        </div>
      </div>
    )
  return (
    <fieldset class="group">
      <legend>{name}</legend>
      <div class="fields">
        {columns.map((column) => (
          <div class="field" key={column.name}>
            <label for={inputId(at, column.name)}>{text(column.title)}</label>
            {input(column)}
          </div>
        ))}
      </div>
      <div class="acts">{leaveOut}</div>
    </fieldset>
  )
}
