// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What the kernel dropped: why, where, whose, since when; and what devices and queues lost. */
import type { DropRow, Drops, HostCount } from "./api";
import { bytes, endpoint, exact, time } from "./format";
import { Panel } from "./notice";
import { changed, follow, href, place } from "./place";
import { rangeArgs } from "./range";
import { type Column, Table } from "./table";
import { useApi } from "./use_api";

const NUMBERS: Column<DropRow>[] = [
	{ name: "packets", label: "packets", isNumber: true, cell: (r) => exact(r.packets) },
	{ name: "octets", label: "bytes", isNumber: true, cell: (r) => bytes(r.octets) },
	{ name: "since", label: "since", cell: (r) => time(r.start_us).slice(5, 19) },
	{ name: "last", label: "last", cell: (r) => time(r.end_us).slice(5, 19) },
];
const WHERE: [string, string][] = [
	["nic/", "network devices"],
	["qdisc/", "queueing disciplines"],
	["softnet/", "backlogs of CPUs"],
	["tcp/listen", "listeners"],
];

function By({
	title,
	by,
	columns,
	filter,
	wide,
}: {
	title: string;
	by: string;
	filter?: string;
	columns: Column<DropRow>[];
	wide?: boolean;
}) {
	const answer = useApi<Drops>("/v1/drops", { ...rangeArgs.value, by, n: 50, filter });
	return (
		<Panel title={title} of={answer} wide={wide}>
			<Table
				label={title}
				rows={answer.data?.rows ?? []}
				columns={[...columns, ...NUMBERS]}
				empty="nothing was dropped"
			/>
			{answer.data && (
				<p class="muted" data-dropped={answer.data.packets}>
					{exact(answer.data.packets)} packets in all
				</p>
			)}
		</Panel>
	);
}

const cell = (name: string, label = name): Column<DropRow> => ({
	name,
	label,
	cell: (r) => r[name] ?? "–",
});

export function DropsView() {
	const { filter: asked, reason } = place.value;
	const only = reason ? `reason '${reason.replaceAll("'", "")}'` : "";
	const filter = [asked && `(${asked})`, only].filter(Boolean).join(" and ");
	const counts = useApi<{ rows: HostCount[] }>("/v1/hostcounts", {
		...rangeArgs.value,
		n: 10000,
	});
	const lost = (counts.data?.rows ?? []).filter(
		(c) => !c.gauge && c.value > 0 && WHERE.some(([prefix]) => c.name.startsWith(prefix)),
	);
	return (
		<div class="grid">
			<By
				title="Why"
				by="reason"
				filter={filter}
				wide
				columns={[
					{
						name: "reason",
						label: "reason",
						cell: (r) => (
							<a
								onClick={follow}
								href={href(
									changed({
										reason: reason === r.reason ? "" : String(r.reason),
									}),
								)}
							>
								{r.reason}
							</a>
						),
					},
				]}
			/>
			{reason && (
				<p class="wide">
					only {reason}:{" "}
					<a onClick={follow} href={href(changed({ reason: "" }))}>
						show all
					</a>
				</p>
			)}
			<By
				title="Where in the kernel"
				by="location,interface"
				filter={filter}
				columns={[cell("location", "function"), cell("interface")]}
			/>
			<By
				title="Whose packets"
				by="flow,reason"
				filter={filter}
				columns={[
					{
						name: "flow",
						label: "flow",
						cell: (r) =>
							r.src === null
								? "no headers"
								: `${endpoint(r.src, r.src_port)} → ${endpoint(r.dst, r.dst_port)}`,
					},
					cell("reason"),
				]}
			/>
			<By title="Whose sockets" by="process" filter={filter} columns={[cell("process")]} />
			<Panel title="Devices, queues and listeners" of={counts}>
				<Table
					label="Devices, queues and listeners"
					rows={lost}
					empty="none lost anything"
					columns={[
						{
							name: "where",
							label: "where",
							cell: (c) => WHERE.find(([prefix]) => c.name.startsWith(prefix))?.[1],
						},
						{ name: "name", label: "counter", cell: (c) => c.name },
						{ name: "host", label: "host", cell: (c) => c.host || c.agent },
						{
							name: "value",
							label: "packets",
							isNumber: true,
							cell: (c) => exact(c.value),
						},
					]}
				/>
			</Panel>
		</div>
	);
}
