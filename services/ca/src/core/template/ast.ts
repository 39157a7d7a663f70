/** A template that does not parse, or uses what this engine does not have: found when the configuration is read. */
export class TemplateSyntaxError extends Error {}

/** Evaluation failed for these claims; the text is the one Go's text/template gives. */
export class TemplateExecError extends Error {}

/** Expression inside `{{ … }}`. `at` is the byte offset of its first character, `text` how it is printed in errors. */
export type Expression =
  | { readonly kind: 'dot'; readonly at: number; readonly text: string }
  | { readonly kind: 'field'; readonly at: number; readonly text: string; readonly names: readonly string[] }
  | { readonly kind: 'constant'; readonly at: number; readonly text: string; readonly value: string | number | boolean }
  | {
      readonly kind: 'call';
      readonly at: number;
      readonly text: string;
      readonly name: string;
      readonly args: readonly Expression[];
    }
  | { readonly kind: 'pipe'; readonly at: number; readonly text: string; readonly stages: readonly Expression[] };

/** A piece of a template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly value: Expression }
  | {
      readonly kind: 'if' | 'with';
      readonly condition: Expression;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };
