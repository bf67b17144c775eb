// Lines over the last minutes, drawn by uPlot in the colours of the theme.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { rateText } from './figures.ts';
import { paint } from './preferences.ts';

export interface Series {
  readonly name: string;
  /** Name of a custom property with its colour. */
  readonly color: string;
  readonly values: readonly number[];
  /** Told from the others without its colour. */
  readonly dashed?: boolean;
}

export interface RateChartProps {
  readonly label: string;
  /** Seconds since 1970 of the first value; one per second. */
  readonly from: number;
  readonly series: readonly Series[];
}

const MIN_HEIGHT_PX = 150;
const AXIS_FONT = '12px system-ui, sans-serif';

export function RateChart({ label, from, series }: RateChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const times = series[0]!.values.map((_, index) => from + index);
  const data = [times, ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const painted = paint.value;

  useEffect(() => {
    const element = place.current!;
    const drawn = new uPlot(options(element, series), data, element);
    chart.current = drawn;
    const observer = new ResizeObserver(() => drawn.setSize(sizeOf(element)));
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
      chart.current = null;
    };
  }, [painted]);
  useEffect(() => chart.current?.setData(data));

  return <div ref={place} class="chart" role="img" aria-label={label} />;
}

function options(element: HTMLElement, series: readonly Series[]): uPlot.Options {
  const axis = {
    stroke: colorOf('--muted'),
    font: AXIS_FONT,
    grid: { stroke: colorOf('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    ...sizeOf(element),
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    padding: [12, 28, 0, 0],
    scales: { y: { range: (_chart, _min, max) => [0, Math.max(5, max * 1.1)] } },
    axes: [
      { ...axis, values: (_chart, ticks) => ticks.map(timeTick), grid: { show: false }, space: 80, size: 30 },
      { ...axis, values: (_chart, ticks) => ticks.map(rateText), size: 48 },
    ],
    series: [
      {},
      ...series.map(({ name, color, dashed }) => ({
        label: name,
        stroke: colorOf(color),
        fill: colorOf(`${color}-soft`),
        width: 1.5,
        ...(dashed === true ? { dash: [5, 3] } : {}),
        points: { show: false },
      })),
    ],
  };
}

function timeTick(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB');
}

const sizeOf = ({ clientWidth, clientHeight }: HTMLElement) => ({
  width: Math.max(100, clientWidth),
  height: Math.max(MIN_HEIGHT_PX, clientHeight),
});

/** A canvas knows no custom properties, and they no light-dark(): an element has to be asked. */
function colorOf(property: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
