/** Every control of the reading room, and of the page of a case, says which action it does, and so has a key: read from the source, so that a
 * new button without one fails here. */
import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { ACTIONS } from '../src/labeling/actions'

const PAGES = ['ReadingPage', 'CasePage'].map((name) => resolve(import.meta.dirname, `../src/labeling/${name}.tsx`))
/** Components that somebody presses, whatever stands on them. */
const PRESSED = new Set([
  'a', 'button', 'input', 'select', 'textarea', 'Button', 'ActionIcon', 'UnstyledButton', 'Menu.Item', 'Anchor', 'Checkbox',
  'Switch', 'Slider', 'Select', 'MultiSelect', 'Radio.Group', 'SegmentedControl', 'TextInput', 'NumberInput', 'Textarea', 'Link',
])
/** Our own that stand for one of them: whoever uses them names the action. */
const OWN = new Set(['GrowingField'])
const HANDLER = /^on(Click|Change|Submit|KeyDown|PointerDown|MouseDown|DoubleClick)$/

/** How many controls of a kind a file may hold without an action, and why. */
const EXCEPTIONS: Record<string, { controls: Record<string, number>; why: string }> = {
  'KeySearch.tsx': { controls: { TextInput: 1 }, why: 'of the dialog of keys' },
  'KeySettings.tsx': { controls: { Button: 3 }, why: 'of the dialog of keys, which takes every press' },
  'CheatSheet.tsx': { controls: { Button: 1 }, why: 'of the dialog of keys' },
  'GrowingField.tsx': { controls: { Textarea: 1 }, why: 'named where it is used' },
  'SkipDialog.tsx': { controls: { form: 1, Textarea: 1, Button: 2 }, why: 'a dialog: Enter confirms, Escape gives up' },
  'OptionField.tsx': { controls: { Button: 1 }, why: 'answers have keys of their own, 1-9 while the question is in hand' },
  'MarkActions.tsx': { controls: { 'Menu.Item': 1 }, why: 'of a menu: arrows and Enter' },
  'CommentsPanel.tsx': { controls: { Button: 1 }, why: 'adds what was written: Ctrl and Enter in the field' },
  'ReviewBox.tsx': { controls: { GrowingField: 1 }, why: 'the key that returns the read goes there while it is empty' },
  'ToolMenus.tsx': { controls: { Button: 2 }, why: 'open menus whose items all have keys' },
  'Section.tsx': { controls: { UnstyledButton: 1 }, why: 'folds what it heads: Tab and Enter' },
  'Resizer.tsx': { controls: { div: 1 }, why: 'a line between panels: Tab and arrows' },
  'Notices.tsx': { controls: { Button: 1 }, why: 'a link to the page for signing in' },
  'states.tsx': { controls: { Button: 1 }, why: 'stands where there is no room yet' },
}

interface Control {
  file: string
  tag: string
  line: number
  isKeyed: boolean
}

describe('the reading room and the page of a case', () => {
  const files = filesFrom(PAGES)
  const controls = files.flatMap(controlsIn)

  it('names the action of every control', () => {
    const unnamed = controls.filter(({ isKeyed }) => !isKeyed)
    const excused = Object.entries(EXCEPTIONS).flatMap(([file, { controls: of }]) =>
      Object.entries(of).flatMap(([tag, count]) => Array.from({ length: count }, () => `${file} ${tag}`)))
    expect(unnamed.map(({ file, tag }) => `${file} ${tag}`).sort()).toEqual(excused.sort())
    expect(controls.length).toBeGreaterThan(50)
  })

  it('does every action somewhere', () => {
    const sources = files.filter((file) => basename(file) !== 'actions.ts').map((file) => readFileSync(file, 'utf8')).join('\n')
    const undone = ACTIONS.filter(({ id }) => {
      const isNumbered = /^(tool|preset|layout|operation)_/.exec(id)
      return isNumbered ? !sources.includes(`\`${isNumbered[0]}\${`) : !new RegExp(`\\b${id}(:|')`).test(sources)
    })
    expect(undone.map(({ id }) => id)).toEqual([])
  })
})

/** Files and all that they import from the pages' own folders. */
function filesFrom(start: readonly string[]): string[] {
  const found = new Set(start)
  for (const file of found) {
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']+)'/g)) {
      const base = resolve(dirname(file), path)
      if (!/src\/(labeling|projects|ui)\//.test(base)) continue
      const existing = [`${base}.tsx`, `${base}.ts`].find((one) => ts.sys.fileExists(one))
      if (existing) found.add(existing)
    }
  }
  return [...found]
}

function controlsIn(path: string): Control[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX)
  const foreign = importedFrom(source, (module) => !module.startsWith('.'))
  const controls: Control[] = []
  const visit = (node: ts.Node) => {
    if (ts.isJsxOpeningElement(node) || ts.isJsxSelfClosingElement(node)) {
      const tag = node.tagName.getText()
      const [root = ''] = tag.split('.')
      const isLeaf = foreign.has(root) || /^[a-z]/.test(tag)
      if (OWN.has(tag) || (isLeaf && (PRESSED.has(tag) || namesOf(node).some((name) => HANDLER.test(name))))) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart())
        controls.push({ file: basename(path), tag, line: line + 1, isKeyed: isKeyed(node) })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return controls
}

function importedFrom(source: ts.SourceFile, isWanted: (module: string) => boolean): Set<string> {
  const names = source.statements.filter(ts.isImportDeclaration).flatMap(({ importClause, moduleSpecifier }) => {
    const bindings = importClause?.namedBindings
    const isFound = ts.isStringLiteral(moduleSpecifier) && isWanted(moduleSpecifier.text)
    return isFound && bindings && ts.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name.text) : []
  })
  return new Set(names)
}

type Opening = ts.JsxOpeningElement | ts.JsxSelfClosingElement

function namesOf({ attributes }: Opening): string[] {
  return attributes.properties.flatMap((one) => (ts.isJsxAttribute(one) ? [one.name.getText()] : []))
}

/** Whether `keyed`, whose argument the types hold to the list of actions, is spread on it. */
function isKeyed({ attributes }: Opening): boolean {
  return attributes.properties.some((one) => ts.isJsxSpreadAttribute(one) && one.expression.getText().startsWith('keyed('))
}
