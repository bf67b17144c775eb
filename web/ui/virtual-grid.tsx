// A table of any length that draws only what is in sight: rows of one height, one of them active, moved by the keyboard.
// It is the grid pattern of ARIA, made of plain elements, since a real table cannot leave rows out; the linter would want one
// (biome.json), axe checks it in the tests.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface GridColumn {
  readonly title: string;
  /** Figures are at the right. */
  readonly figures?: boolean;
}

export interface GridRow {
  /** Equal for the same row in the next drawing. */
  readonly key: string;
  /** One for each column. */
  readonly cells: readonly ComponentChildren[];
  readonly class?: string;
  /** Of a tree. */
  readonly level?: number;
  /** Null: nothing to unfold. */
  readonly expanded?: boolean | null;
}

export interface VirtualGridProps {
  readonly id: string;
  readonly label: string;
  /** Gives the widths of its columns. */
  readonly class: string;
  readonly columns: readonly GridColumn[];
  readonly count: number;
  readonly row: (index: number) => GridRow;
  readonly isTree?: boolean;
  /** Index of the active row; -1: none. */
  readonly active: number;
  readonly onActive: (index: number) => void;
  /** Enter, or a click. */
  readonly onOpen: (index: number) => void;
  /** Right and left in a tree. */
  readonly onFold?: (index: number, expand: boolean) => void;
  /** Before a click, which would miss a row that moves. */
  readonly onPress?: () => void;
  readonly onScrolled?: (atTop: boolean) => void;
  readonly empty: ComponentChildren;
}

/** As in the style sheet: rows have two lines where there is no room for columns. */
const NARROW = '(max-width: 719px)';
const ROW_PX = 30;
const NARROW_ROW_PX = 52;
/** Above and below what is in sight. */
const SPARE_ROWS = 6;

export function VirtualGrid(props: VirtualGridProps): JSX.Element {
  const { id, columns, count, active, isTree = false } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const rowPx = useMedia(NARROW) ? NARROW_ROW_PX : ROW_PX;

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setHeight(entry!.contentRect.height));
    observer.observe(scroller.current!);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    // A list that has become shorter: the browser scrolls without saying so in time.
    setTop(scroller.current!.scrollTop);
  }, [count]);

  const show = (index: number) => {
    const { current } = scroller;
    if (current === null) return;
    const above = index * rowPx - current.scrollTop;
    const room = current.clientHeight - rowPx * 2;
    if (above < 0) current.scrollTop += above;
    else if (above > room) current.scrollTop += above - room;
  };
  const move = (index: number) => {
    const to = Math.max(0, Math.min(count - 1, index));
    props.onActive(to);
    show(to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || count === 0) return;
    const page = Math.max(1, Math.floor(height / rowPx) - 2);
    const action = keyAction(event.key, active, count, page);
    if (action === null) {
      if (event.key === 'Enter' && active >= 0) props.onOpen(active);
      else if (event.key === 'ArrowRight' && active >= 0) props.onFold?.(active, true);
      else if (event.key === 'ArrowLeft' && active >= 0) props.onFold?.(active, false);
      else return;
    } else move(action);
    event.preventDefault();
  };

  const first = Math.max(0, Math.floor(top / rowPx) - SPARE_ROWS);
  const last = Math.min(count, Math.ceil((top + height) / rowPx) + SPARE_ROWS);
  const rows: JSX.Element[] = [];
  for (let index = first; index < last; index++) rows.push(gridRow(props, index, rowPx));
  const isActiveDrawn = active >= first && active < last;
  return (
    <div class={`grid ${props.class}`}>
      <div
        ref={scroller}
        class="grid-scroll"
        role={isTree ? 'treegrid' : 'grid'}
        aria-label={props.label}
        aria-rowcount={count + 1}
        aria-activedescendant={isActiveDrawn ? `${id}-${active}` : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerDown={props.onPress}
        onFocus={() => {
          if (active < 0 && count > 0) props.onActive(first === 0 ? 0 : first + SPARE_ROWS);
        }}
        onScroll={(event) => {
          const { scrollTop } = event.currentTarget;
          setTop(scrollTop);
          props.onScrolled?.(scrollTop <= 0);
        }}
      >
        <div role="rowgroup" class="grid-head">
          <div role="row" class="grid-row" aria-rowindex={1}>
            {columns.map(({ title, figures }) => (
              <span key={title} role="columnheader" class={figures ? 'figures' : undefined}>
                {title}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" class="grid-body" style={{ height: `${count * rowPx}px` }}>
          {rows}
        </div>
      </div>
      {count === 0 && <div class="grid-empty">{props.empty}</div>}
    </div>
  );
}

function gridRow(props: VirtualGridProps, index: number, rowPx: number): JSX.Element {
  const { key, cells, level, expanded, class: name = '' } = props.row(index);
  const isActive = index === props.active;
  return (
    <div
      key={key}
      id={`${props.id}-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-level={level}
      aria-expanded={expanded ?? undefined}
      aria-selected={isActive}
      class={`grid-row ${isActive ? 'active' : ''} ${name}`}
      style={{ transform: `translateY(${index * rowPx}px)`, '--level': level }}
      onClick={() => {
        props.onActive(index);
        props.onOpen(index);
      }}
    >
      {cells.map((cell, column) => (
        <span key={column} role="gridcell" class={props.columns[column]!.figures ? 'figures' : undefined}>
          {cell}
        </span>
      ))}
    </div>
  );
}

/** The row that a key goes to; null for other keys. */
function keyAction(key: string, active: number, count: number, page: number): number | null {
  if (key === 'ArrowDown') return active + 1;
  if (key === 'ArrowUp') return active - 1;
  if (key === 'PageDown') return active + page;
  if (key === 'PageUp') return active - page;
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  return null;
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const update = () => setMatches(list.matches);
    list.addEventListener('change', update);
    return () => list.removeEventListener('change', update);
  }, [query]);
  return matches;
}
