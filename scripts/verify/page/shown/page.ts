/** The part of the program that asks for files and shows the results. */
import { type GivenFile, MAX_EVIDENCE, type Upload } from '../judge-upload.ts'
import { saveBytes, showResult } from './show-result.ts'
import { showTexts } from './show-texts.ts'
import type { TextKey } from './texts.ts'
import { beginLanguage, chooseLanguage, text } from './texts.ts'
import type { FromWorker, ToWorker } from './worker.ts'

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T

export function runPage(): void {
  const [form, drop, stop] = [byId<HTMLFormElement>('form'), byId('drop'), byId<HTMLButtonElement>('stop')]
  const [progress, result] = [byId('progress'), byId('result')]
  let worker: Worker | undefined
  /**
   * Counts what was asked for: a large file may still be read when another one is chosen, or the work is
   * stopped.
   */
  let turn = 0
  let told: TextKey | undefined
  let again: (() => void) | undefined

  const tell = (key: TextKey | undefined): void => {
    told = key
    progress.textContent = key === undefined ? '' : text(key)
  }
  const end = (key?: TextKey): void => {
    tell(key)
    stop.hidden = true
  }
  const show = (act: () => void): void => {
    again = act
    act()
  }
  beginLanguage(navigator.languages)
  showTexts((tag) => {
    chooseLanguage(tag)
    tell(told)
    if (!result.hidden) again?.()
  })

  const check = async (): Promise<void> => {
    const mine = ++turn
    const [evidence] = filesOf('evidence')
    worker?.terminate()
    result.hidden = true
    if (evidence === undefined) return end('chooseFirst')
    if (evidence.size > MAX_EVIDENCE) return end('tooLarge')
    tell('checking')
    stop.hidden = false
    try {
      const upload = await read(evidence)
      if (mine !== turn) return
      worker = startWorker(upload, evidence.name, { end, show })
    } catch {
      if (mine === turn) end('unreadable')
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void check()
  })
  stop.addEventListener('click', () => {
    turn++
    worker?.terminate()
    end('stopped')
  })
  byId('evidence').addEventListener('change', () => void check())
  // Without this, a file that is dropped outside the drop area would replace the page.
  for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault())
  drop.addEventListener('dragover', () => drop.classList.add('over'))
  drop.addEventListener('dragleave', () => drop.classList.remove('over'))
  drop.addEventListener('drop', (event) => {
    drop.classList.remove('over')
    const { files } = event.dataTransfer ?? {}
    if (files === undefined || files.length === 0) return
    byId<HTMLInputElement>('evidence').files = files
    void check()
  })
  // The program begins some time after its fields can be used: a file that was chosen meanwhile told nobody
  // of it.
  if (filesOf('evidence').length > 0) void check()
}

type Shown = {
  /** The work is over, with a text about it or with a result. */
  end(key?: TextKey): void
  /** Shows the result, and once more in each language that is chosen later. */
  show(act: () => void): void
}

function startWorker(upload: Upload, file: string, { end, show }: Shown): Worker {
  const program = new Blob([byId('program').textContent], { type: 'text/javascript' })
  const address = URL.createObjectURL(program)
  const worker = new Worker(address)
  const ask = (message: ToWorker): void => worker.postMessage(message)
  worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    if (data.kind === 'ready') {
      URL.revokeObjectURL(address)
      ask({ kind: 'judge', upload })
    } else if (data.kind === 'judged') {
      end()
      const save = ({ name }: { name: string }): void => ask({ kind: 'save', name })
      const { judgement } = data
      show(() => showResult(byId('result'), { file, judgement, save }))
    } else if (data.bytes === undefined) end('partUnreadable')
    else saveBytes(data.name, data.bytes)
  })
  worker.addEventListener('error', () => {
    worker.terminate()
    end('broken')
  })
  return worker
}

async function read(evidence: File): Promise<Upload> {
  const [witnesses] = filesOf('witnesses')
  const previous = byId<HTMLInputElement>('previous').value.trim()
  return {
    evidence: await given(evidence),
    configuration: await Promise.all(filesOf('configuration').map(given)),
    witnesses: witnesses && (await given(witnesses)),
    previous: previous === '' ? undefined : previous,
    judgedAt: Date.now(),
  }
}

const filesOf = (id: string): File[] => [...(byId<HTMLInputElement>(id).files ?? [])]

const given = async (file: File): Promise<GivenFile> => ({
  name: file.name,
  bytes: new Uint8Array(await file.arrayBuffer()),
})
