import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { afterEach, describe, expect, it } from 'vitest'
import { formatNumber, languageOf, setLanguage, t, translate, type Message } from '../src/i18n'
import { de } from '../src/i18n/de'
import { en } from '../src/i18n/en'

const ROOT = join(import.meta.dirname, '../src')
/** Attributes and properties whose value a person reads or hears. */
const SPOKEN = new Set([
  'alt', 'aria-label', 'aria-valuetext', 'children', 'description', 'label', 'message', 'placeholder', 'text',
  'thumbLabel', 'title', 'error',
])
const WORD = /\p{L}{2,}/u

function literalTexts(source: string): string[] {
  const file = ts.createSourceFile('page.tsx', source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX)
  const found: string[] = []
  const note = (text: string) => {
    if (WORD.test(text)) found.push(text.trim())
  }
  /** The texts that an expression can turn into; what a call returns is that function's business. */
  const shown = (node: ts.Node): void => {
    if (ts.isCallExpression(node) || ts.isJsxElement(node) || ts.isJsxSelfClosingElement(node)) return
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) note(node.text)
    else if (ts.isTemplateExpression(node)) {
      note([node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join(' '))
      node.templateSpans.forEach((span) => shown(span.expression))
    } else if (ts.isConditionalExpression(node)) {
      shown(node.whenTrue)
      shown(node.whenFalse)
    } else if (ts.isBinaryExpression(node)) {
      if (!/^[=!<>]/.test(node.operatorToken.getText())) shown(node.left)
      if (!/^[=!<>]/.test(node.operatorToken.getText())) shown(node.right)
    } else if (ts.isJsxExpression(node) || ts.isParenthesizedExpression(node)) {
      if (node.expression) shown(node.expression)
    }
  }
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) note(node.text)
    if (ts.isJsxExpression(node) && !ts.isJsxAttribute(node.parent)) shown(node)
    if (ts.isJsxAttribute(node) && SPOKEN.has(node.name.getText()) && node.initializer) shown(node.initializer)
    if (ts.isPropertyAssignment(node) && SPOKEN.has(node.name.getText().replaceAll(/['"]/g, ''))) shown(node.initializer)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function placeholders(message: Message): string[] {
  const texts = typeof message === 'string' ? [message] : [message.one, message.other]
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')))].sort()
}

const components = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tsx'))

describe('text', () => {
  afterEach(() => setLanguage('en'))

  it.each(components)('is not written into %s', (name) => {
    expect(literalTexts(readFileSync(join(ROOT, name), 'utf8'))).toEqual([])
  })

  it('would be found wherever a component can hold it', () => {
    const source = `
      const a = <p title="Some title">Some text {isBusy ? 'busy now' : t('ui.close')} {\`\${n} cases\`}</p>
      const b = <Field label={left ? 'to the left' : t('x')} size="xs" data-testid="reading" />
      notifications.show({ color: 'red', message: 'went wrong' })`
    expect(literalTexts(source)).toEqual(['Some title', 'Some text', 'busy now', 'cases', 'to the left', 'went wrong'])
  })

  it('asks for the same values in every language', () => {
    const differing = Object.keys(en).filter((key) => {
      const [english, german] = [en[key as keyof typeof en], de[key as keyof typeof en]]
      return typeof english !== typeof german || placeholders(english).join() !== placeholders(german).join()
    })
    expect(differing).toEqual([])
    expect(Object.keys(de).sort()).toEqual(Object.keys(en).sort())
  })

  it('follows the grammatical number of the language', () => {
    expect(t('datasets.cases', { count: 1 })).toBe('1 case')
    expect(t('datasets.cases', { count: 0 })).toBe('0 cases')
    setLanguage('de')
    expect(t('datasets.cases', { count: 1200 })).toBe('1.200 Fälle')
  })

  it('writes numbers as the language does and keeps unknown placeholders visible', () => {
    setLanguage('de')
    expect(formatNumber(1234.5, 2)).toBe('1234,50')
    expect(translate('{known} and {unknown}', 'en', { known: 'a' })).toBe('a and {unknown}')
  })

  it('takes the first wished language that exists', () => {
    expect(languageOf(['fr-CH', 'de-AT', 'en'])).toBe('de')
    expect(languageOf(['fr'])).toBe('en')
  })
})
